// A stand-in for the local file system's implementation, for the journal's tests only.
import * as fs from "node:fs/promises";

const codes = {
  ENOSPC: "infra.disk-full",
  EDQUOT: "infra.disk-full",
  EFBIG: "infra.disk-full",
  EACCES: "infra.permission",
  EPERM: "infra.permission",
  EROFS: "infra.read-only",
};

const missing = { ENOENT: null, ENOTDIR: null };

/**
 * @param InfraError the class of whoever calls: tests run src/, child processes run dist/
 * @returns {import("../../src/file-system.js").FileSystem}
 */
export function nodeFileSystem(InfraError) {
  async function translated(path, work, outcomes = {}) {
    try {
      return await work();
    } catch (error) {
      if (Object.hasOwn(outcomes, error.code)) return outcomes[error.code];
      throw new InfraError(codes[error.code] ?? "infra.io", `${path}: ${error.message}`, { cause: error });
    }
  }

  async function withHandle(path, flags, work, outcomes) {
    return translated(
      path,
      async () => {
        const handle = await fs.open(path, flags);
        try {
          return await work(handle);
        } finally {
          await handle.close();
        }
      },
      outcomes,
    );
  }

  return {
    mkdir: (path) => translated(path, async () => void (await fs.mkdir(path, { recursive: true }))),
    writeFile: (path, body) =>
      withHandle(path, "wx", async (handle) => {
        await handle.writeFile(body);
        await handle.sync();
      }),
    create: (path) =>
      translated(path, async () => {
        const handle = await fs.open(path, "ax");
        return {
          append: (body) => translated(path, () => handle.appendFile(body)),
          sync: () => translated(path, () => handle.sync()),
          close: () => translated(path, () => handle.close()),
        };
      }),
    readFile: (path) => translated(path, () => fs.readFile(path), missing),
    readRange: (path, start, end) =>
      withHandle(
        path,
        "r",
        async (handle) => {
          const buffer = Buffer.alloc(end - start);
          let filled = 0;
          while (filled < buffer.length) {
            const read = await handle.read(buffer, filled, buffer.length - filled, start + filled);
            if (read.bytesRead === 0) break;
            filled += read.bytesRead;
          }
          return buffer.subarray(0, filled);
        },
        missing,
      ),
    link: (from, to) =>
      translated(to, async () => fs.link(from, to).then(() => "linked"), { EEXIST: "exists" }),
    symlink: (target, path) => translated(path, () => fs.symlink(target, path)),
    rename: (from, to) => translated(to, () => fs.rename(from, to)),
    unlink: (path) => translated(path, () => fs.unlink(path), { ENOENT: undefined }),
    removeTree: (path) => translated(path, () => fs.rm(path, { recursive: true, force: true })),
    syncDirectory: (path) => withHandle(path, "r", (handle) => handle.sync()),
    list: (path) => translated(path, async () => (await fs.readdir(path)).sort(), missing),
    stat: (path) =>
      translated(
        path,
        async () => {
          const stat = await fs.lstat(path, { bigint: true });
          const kind = stat.isFile()
            ? "file"
            : stat.isDirectory()
              ? "directory"
              : stat.isSymbolicLink()
                ? "symlink"
                : "other";
          return {
            kind,
            size: Number(stat.size),
            inode: String(stat.ino),
            mtimeNs: String(stat.mtimeNs),
            device: String(stat.dev),
          };
        },
        missing,
      ),
    readlink: (path) => translated(path, () => fs.readlink(path), missing),
    realpath: (path) => translated(path, () => fs.realpath(path), missing),
  };
}
