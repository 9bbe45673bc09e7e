/** What can be known of a machine without opening a model. */
import { constants } from "node:fs";
import { access, link, mkdir, mkdtemp, open, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Settings } from "../../config.js";
import { bytes, counted } from "../../text/human.js";
import { shellLine } from "../../text/shell-line.js";
import type { Clock } from "../../time/clock.js";
import { packageVersion } from "../../wiring/packaged.js";
import type { Finding } from "./finding.js";

export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const supported = major > 20 || (major === 20 && minor >= 19);
  const detail = `Nightshift ${packageVersion()} on Node ${version}, ${process.platform} ${process.arch}`;
  return supported
    ? { check: "versions", result: "ok", detail }
    : { check: "versions", result: "fail", detail, hint: "Install Node 20.19 or newer." };
}

export function checkMachine({ cores, memoryBytes }: Settings): readonly Finding[] {
  const little = memoryBytes < 512e6;
  return [
    { check: "cores", result: "ok", detail: `${counted(cores, "core")} for worker threads` },
    {
      check: "memory",
      result: little ? "warn" : "ok",
      detail: `${bytes(memoryBytes)} for decoded data`,
      ...(little
        ? { hint: "Row groups larger than that are refused; write smaller ones or use another machine." }
        : {}),
    },
  ];
}

/** Does what publishing does: files, hard links, a symlink swapped by rename, and syncs. */
export async function checkFileSystem(check: string, path: string): Promise<Finding> {
  let directory: string | null = null;
  let step = "find a directory";
  try {
    const parent = await nearestDirectory(path);
    step = "write";
    await access(parent, constants.W_OK);
    directory = await mkdtemp(join(parent, ".nightshift-doctor-"));
    const at = (name: string) => join(directory ?? parent, name);
    await writeFile(at("file"), "x", { flush: true });
    step = "make hard links";
    await link(at("file"), at("link"));
    step = "make symlinks";
    await mkdir(at("v1"));
    await mkdir(at("v2"));
    await symlink("v1", at("out"));
    await symlink("v2", at("out.next"));
    step = "replace a symlink by rename";
    await rename(at("out.next"), at("out"));
    step = "sync a directory";
    const handle = await open(directory, "r");
    await handle.sync().finally(() => handle.close());
    return { check, result: "ok", detail: `${path}: writable, with hard links, symlinks and syncs` };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return {
      check,
      result: "fail",
      detail: `${path}: cannot ${step}`,
      hint: `${reason}. Publishing needs a local file system that you may write to.`,
    };
  } finally {
    if (directory !== null) await rm(directory, { recursive: true, force: true });
  }
}

/** The state directory holds paths, parameters and hooks of jobs. @returns nothing where it is not there yet */
export async function checkPrivacy(stateDir: string): Promise<readonly Finding[]> {
  const found = await stat(stateDir).catch(() => null);
  if (found === null) return [];
  const mode = found.mode & 0o777;
  const detail = `${stateDir}: mode ${mode.toString(8).padStart(4, "0")}`;
  if ((mode & 0o077) === 0) return [{ check: "state permissions", result: "ok", detail }];
  return [
    {
      check: "state permissions",
      result: "warn",
      detail,
      hint: `Other users can read what runs remember. Close it: chmod -R go= ${shellLine(stateDir)}`,
    },
  ];
}

/** A clock that disagrees with the file system's makes files look changed, or younger than they are. */
export async function checkClock(stateDir: string, clock: Clock): Promise<Finding> {
  const check = "clock";
  let directory: string | null = null;
  try {
    directory = await mkdtemp(join(await nearestDirectory(stateDir), ".nightshift-doctor-"));
    await writeFile(join(directory, "file"), "x");
    const aheadSeconds = ((await stat(join(directory, "file"))).mtimeMs - clock.now().getTime()) / 1000;
    const detail = `${clock.now().toISOString().slice(0, 19)}Z, file system within ${Math.abs(aheadSeconds).toFixed(1)} s`;
    if (Math.abs(aheadSeconds) < 2 && clock.now().getUTCFullYear() >= 2025)
      return { check, result: "ok", detail };
    return {
      check,
      result: "warn",
      detail,
      hint: "Let a time service set this machine's clock (timedatectl).",
    };
  } catch (error) {
    return {
      check,
      result: "warn",
      detail: `not compared: ${error instanceof Error ? error.message : error}`,
    };
  } finally {
    if (directory !== null) await rm(directory, { recursive: true, force: true });
  }
}

/** The directory itself, or where it would be made. */
async function nearestDirectory(path: string): Promise<string> {
  for (let directory = path; ; directory = dirname(directory)) {
    const found = await stat(directory).catch(() => null);
    if (found?.isDirectory()) return directory;
    if (directory === dirname(directory)) return directory;
  }
}
