/** A file layer that really does what it is asked, and writes down every change with the line that asked for it. */
import { relative, sep } from "node:path";
import type { FileSystem } from "../../src/stores/file-system.js";
import { localFileSystem } from "../../src/stores/local/local-file-system.js";
import type { Operation } from "./disk-model.js";

/**
 * The local one without its fsyncs. These tests never cut the power: what a cut would leave is computed, and whether
 * the local file system syncs as it says has a test of its own.
 */
export const unsyncedFileSystem: FileSystem = {
  ...localFileSystem(),
  async writeFile(path, body) {
    const file = await localFileSystem().create(path);
    await file.append(body);
    await file.close();
  },
  syncDirectory: async () => {},
};

export interface RecordingFileSystem extends FileSystem {
  readonly operations: readonly Operation[];
}

/** @param before what happened on this disk earlier, and may not be durable yet */
export function recordingFileSystem(root: string, before: readonly Operation[] = []): RecordingFileSystem {
  const real = unsyncedFileSystem;
  const operations: Operation[] = [...before];
  const inside = (path: string) => {
    const inner = relative(root, path);
    return inner === ".." || inner.startsWith(`..${sep}`) ? null : inner;
  };
  const note = (path: string, operation: (inner: string) => Operation) => {
    const inner = inside(path);
    if (inner !== null) operations.push(operation(inner));
  };

  return {
    ...real,
    operations,
    async mkdir(path) {
      if ((await real.stat(path)) !== null) return;
      await real.mkdir(path);
      note(path, (inner) => ({ op: "mkdir", path: inner }));
    },
    async writeFile(path, body) {
      await real.writeFile(path, body);
      note(path, (inner) => ({ op: "write", path: inner, body: Buffer.from(body) }));
    },
    async create(path) {
      const file = await real.create(path);
      note(path, (inner) => ({ op: "create", path: inner }));
      return {
        async append(body) {
          await file.append(body);
          note(path, (inner) => ({ op: "append", path: inner, body: Buffer.from(body) }));
        },
        async sync() {
          await file.sync();
          note(path, (inner) => ({ op: "sync", path: inner }));
        },
        close: () => file.close(),
      };
    },
    async link(from, to) {
      const answer = await real.link(from, to);
      if (answer === "linked") note(from, (path) => ({ op: "link", path, to: inside(to) ?? "" }));
      return answer;
    },
    async symlink(target, path) {
      await real.symlink(target, path);
      note(path, (inner) => ({ op: "symlink", path: inner, target }));
    },
    async rename(from, to) {
      await real.rename(from, to);
      note(from, (path) => ({ op: "rename", path, to: inside(to) ?? "" }));
    },
    async unlink(path) {
      if ((await real.stat(path)) === null) return;
      await real.unlink(path);
      note(path, (inner) => ({ op: "unlink", path: inner }));
    },
    async removeTree(path) {
      if ((await real.stat(path)) === null) return;
      await real.removeTree(path);
      note(path, (inner) => ({ op: "removeTree", path: inner }));
    },
    async syncDirectory(path) {
      const site = callingLine();
      await real.syncDirectory(path);
      note(path, (inner) => ({ op: "syncDirectory", path: inner, site }));
    },
  };
}

/** The line in `src/` or `test/` that called the file layer: `version-trees.ts:52`. */
function callingLine(): string {
  const frames = (new Error().stack ?? "").split("\n").slice(1);
  const caller = frames.find((frame) => !frame.includes("recording-file-system")) ?? "";
  return /([^/\\]+\.ts):(\d+)/.exec(caller)?.slice(1, 3).join(":") ?? caller.trim();
}
