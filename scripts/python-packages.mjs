/** Packages of PyPI, for tests: put into a folder of their own. Nothing of the system or of its Python changes. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { debianPackages } from "./debian-packages.mjs";

/** @returns the words after `python3` that start pip, or why there is none. Debian's python3 comes without pip. */
export function findPip() {
  const { error, status } = spawnSync("python3", ["-m", "pip", "--version"], { stdio: "ignore" });
  if (error !== undefined) return { missing: "no python3 here" };
  if (status === 0) return { words: ["-m", "pip"] };
  const wheels = unpackedWheels();
  const pip = wheels === null ? undefined : readdirSync(wheels).find((name) => name.startsWith("pip-"));
  return pip === undefined ? { missing: "python3 has no pip" } : { words: [join(wheels, pip, "pip")] };
}

/**
 * Installs packages with what they need into a folder, to be named in PYTHONPATH. Does nothing if the folder exists.
 *
 * @param {string} folder
 * @param {readonly string[]} requirements
 * @returns why it failed, in a few words; `null`: they are there
 */
export function installPythonPackages(folder, requirements) {
  if (existsSync(folder)) return null;
  const pip = findPip();
  if (pip.missing !== undefined) return pip.missing;
  const scratch = `${folder}.${process.pid}`;
  const quietly = ["--quiet", "--no-input", "--disable-pip-version-check", "--retries", "1"];
  const args = [...pip.words, "install", "--target", scratch, "--only-binary", ":all:", ...quietly];
  const { status, stderr } = spawnSync("python3", [...args, ...requirements], { encoding: "utf8" });
  if (status === 0 && !existsSync(folder)) renameSync(scratch, folder);
  rmSync(scratch, { recursive: true, force: true });
  return status === 0 ? null : (stderr.trim().split("\n").at(-1) ?? "pip failed");
}

/** @returns the folder of the wheels in Debian's package of pip; `null` where it cannot be had */
function unpackedWheels() {
  if (process.platform !== "linux") return null;
  const to = join(tmpdir(), `nightshift-pip-${process.arch}-${process.getuid?.() ?? 0}`);
  const wheels = join(to, "usr/share/python-wheels");
  if (existsSync(wheels)) return wheels;
  const scratch = `${to}.${process.pid}`;
  const root = join(scratch, "root");
  mkdirSync(root, { recursive: true, mode: 0o755 });
  try {
    if (!debianPackages(scratch)("python3-pip-whl", root)) return null;
    if (!existsSync(to)) renameSync(root, to);
    return wheels;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
