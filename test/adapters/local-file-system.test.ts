import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { localFileSystem } from "../../src/stores/local/local-file-system.js";
import { freshDirectory } from "../support/file-target.js";
import { asNobody, mounts, needs } from "../support/places.js";

const files = localFileSystem();

/** Counts fsyncs where they happen: in Node's own file handles. */
async function watchSyncs(): Promise<() => number> {
  const handle = await open(import.meta.filename, "r");
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const sync = vi.spyOn(prototype, "sync");
  onTestFinished(() => sync.mockRestore());
  return () => sync.mock.calls.length;
}

describe("durability", () => {
  it("fsyncs whole files, appended files when asked, and directories", async () => {
    const root = freshDirectory();
    const syncs = await watchSyncs();
    await files.writeFile(join(root, "whole"), "x");
    expect(syncs()).toBe(1);
    const file = await files.create(join(root, "appended"));
    await file.append("a");
    await file.append(new Uint8Array([98]));
    expect(syncs()).toBe(1);
    await file.sync();
    await file.close();
    expect(syncs()).toBe(2);
    await files.syncDirectory(root);
    expect(syncs()).toBe(3);
    expect(readFileSync(join(root, "appended"), "utf8")).toBe("ab");
  });
});

describe("names", () => {
  it("are never taken twice by writing, creating or linking", async () => {
    const root = freshDirectory();
    const [a, b] = [join(root, "a"), join(root, "b")];
    await files.writeFile(a, "a");
    await files.writeFile(b, "b");
    await expect(files.writeFile(a, "x")).rejects.toMatchObject({ code: "infra.occupied" });
    await expect(files.create(a)).rejects.toMatchObject({ code: "infra.occupied" });
    expect(await files.link(b, a)).toBe("exists");
    expect(readFileSync(a, "utf8")).toBe("a");
    expect(await files.link(a, join(root, "c"))).toBe("linked");
    expect((await files.stat(join(root, "c")))?.inode).toBe((await files.stat(a))?.inode);
  });

  it("are replaced by renaming, but not a directory that has something in it", async () => {
    const root = freshDirectory();
    const [a, b, full] = [join(root, "a"), join(root, "b"), join(root, "full")];
    await files.writeFile(a, "a");
    await files.writeFile(b, "b");
    await files.rename(a, b);
    expect(readFileSync(b, "utf8")).toBe("a");
    await files.mkdir(join(full, "inner"));
    await files.mkdir(join(root, "other"));
    await expect(files.rename(join(root, "other"), full)).rejects.toMatchObject({ code: "infra.occupied" });
    await files.symlink("full", join(root, "link"));
    await expect(files.rename(join(root, "link"), full)).rejects.toMatchObject({ code: "infra.occupied" });
  });

  it("may be missing wherever that is an answer", async () => {
    const nothing = join(freshDirectory(), "not/here");
    expect(await files.readFile(nothing)).toBeNull();
    expect(await files.list(nothing)).toBeNull();
    expect(await files.stat(nothing)).toBeNull();
    expect(await files.readlink(nothing)).toBeNull();
    expect(await files.realpath(nothing)).toBeNull();
    await files.unlink(nothing);
    await files.removeTree(nothing);
    await expect(files.rename(nothing, `${nothing}2`)).rejects.toMatchObject({
      code: "infra.not-found",
      message: expect.stringContaining(nothing),
      hint: expect.any(String),
    });
  });

  it("are listed sorted, and symlinks are not followed", async () => {
    const root = freshDirectory();
    for (const name of ["b", "a", "c"]) writeFileSync(join(root, name), name);
    symlinkSync("a", join(root, "l"));
    expect(await files.list(root)).toEqual(["a", "b", "c", "l"]);
    expect((await files.stat(join(root, "l")))?.kind).toBe("symlink");
    expect(await files.readlink(join(root, "l"))).toBe("a");
    expect(await files.readlink(join(root, "a"))).toBeNull();
    expect(await files.realpath(join(root, "l"))).toBe(join(root, "a"));
    await files.removeTree(join(root, "l"));
    expect(existsSync(join(root, "a"))).toBe(true);
  });
});

const dist = new URL("../../dist/", import.meta.url).href;

/** Runs a script in a child; what it prints as JSON is the answer. */
function inChild(command: string, given: readonly string[]): unknown {
  const child = spawnSync(command, given, { encoding: "utf8" });
  if (child.status !== 0) throw new Error(`${child.error ?? ""}${child.stdout}${child.stderr}`);
  return JSON.parse(child.stdout);
}

const imports = `
  const { localFileSystem } = await import("${dist}stores/local/local-file-system.js");
  const { fileSink } = await import("${dist}sinks/files/file-sink.js");
  const fs = localFileSystem();
  const code = (promise) => promise.then(() => "ok", (error) => error.code + ": " + error.message);
`;

describe("what the operator must act on", () => {
  it.skipIf(process.platform !== "linux")("where no directory can be made, that is said, once", async () => {
    await expect(files.mkdir("/proc/nightshift/out")).rejects.toMatchObject({
      kind: "infra",
      message: expect.stringContaining("/proc/nightshift/out"),
    });
  });

  it("a closed directory is infra.permission, with the path", async () => {
    const closed = join(freshDirectory(), "closed");
    mkdirSync(closed);
    chmodSync(join(closed, ".."), 0o755);
    chmodSync(closed, 0o500);
    await expect(asNobody(() => files.writeFile(join(closed, "x"), "x"))).rejects.toMatchObject({
      code: "infra.permission",
      message: `cannot write ${closed}/x: permission denied`,
    });
  });

  it("full, read-only, other and mounted file systems are distinguished", (context) => {
    needs(context, mounts());
    const root = freshDirectory();
    for (const name of ["small", "here", "bound"]) mkdirSync(join(root, name));
    const script = `${imports}
      import { execFileSync } from "node:child_process";
      import { existsSync } from "node:fs";
      const run = (...words) => execFileSync(words[0], words.slice(1));
      const answers = {};
      run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "${root}/small");
      run("mount", "--bind", "${root}/here", "${root}/bound");
      answers.full = await code(fs.writeFile("${root}/small/big", new Uint8Array(1 << 20)));
      answers.leftBehind = existsSync("${root}/small/big");
      await fs.writeFile("${root}/here/x", "x");
      answers.device = await code(fs.link("${root}/here/x", "${root}/small/x"));
      await fs.unlink("${root}/here/x");
      const sinkAt = (to) => fileSink({ to, shape: "directory", mode: "replace", partitionBy: [], fileSystem: fs,
        clock: { now: () => new Date(), monotonicMs: () => 0 }, newId: () => String(Math.random()), join: () => {} });
      const run1 = { id: "r1", key: { jobId: "j", scope: "s", generation: 1 }, jobName: "n", interval: null };
      answers.mount = await code(sinkAt("${root}/small").check(run1));
      answers.bindMount = await code(sinkAt("${root}/bound").check(run1));
      run("mount", "-o", "remount,ro", "${root}/small");
      answers.readOnly = await code(fs.writeFile("${root}/small/y", "y"));
      answers.readOnlyOutput = await code(sinkAt("${root}/small/out").check(run1));
      console.log(JSON.stringify(answers));`;
    const answers = inChild("unshare", ["-rm", process.execPath, "--input-type=module", "-e", script]);
    expect(answers).toEqual({
      full: `infra.disk-full: cannot write ${root}/small/big: the disk is full`,
      leftBehind: false,
      device: expect.stringMatching(/^infra.cross-device: .*small\/x/),
      mount: `refused.mount-point: ${root}/small is a mount point and cannot be swapped as a whole`,
      bindMount: `refused.mount-point: ${root}/bound is a mount point and cannot be swapped as a whole`,
      readOnly: `infra.read-only: cannot write ${root}/small/y: the file system is read-only`,
      readOnlyOutput: expect.stringMatching(/^infra.read-only/),
    });
  });
});
