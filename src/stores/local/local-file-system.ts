/** The file layer on a local disk: the caller can wait for every write that must survive a power cut. */
import { constants } from "node:fs";
import * as fs from "node:fs/promises";
import { dirname } from "node:path";
import { InfraError } from "../../errors.js";
import type { AppendFile, FileStat, FileSystem } from "../file-system.js";

/** Permissions of created files. Outputs are readable by others; a run's state only by its user. */
interface Modes {
  readonly directory: number;
  readonly file: number;
}

const forOthers: Modes = { directory: 0o777, file: 0o666 };
const forOwner: Modes = { directory: 0o700, file: 0o600 };

/**
 * For the state directory: other users cannot read the paths, parameters and hooks of runs. Existing files
 * keep their modes.
 */
export function privateFileSystem(): FileSystem {
  return fileSystemOf(forOwner);
}

export function localFileSystem(): FileSystem {
  return fileSystemOf(forOthers);
}

function fileSystemOf(modes: Modes): FileSystem {
  return {
    mkdir: (path) => naming("create directory", path, () => makeDirectory(path, modes.directory)),
    writeFile: (path, body) => naming("write", path, () => writeNewFile(path, body, modes.file)),
    create: (path) => naming("create", path, () => createForAppending(path, modes.file)),
    readFile: (path) => orNull("read", path, () => fs.readFile(path)),
    readRange: (path, start, end) => orNull("read", path, () => readRange(path, start, end)),
    link: (from, to) => naming("link", to, () => putIfAbsent(from, to)),
    symlink: (target, path) => naming("create symlink", path, () => fs.symlink(target, path)),
    rename: (from, to) => naming("rename", from, () => fs.rename(from, to), to),
    unlink: (path) => orNull("remove", path, () => fs.unlink(path)).then(nothing),
    removeTree: (path) => naming("remove", path, () => fs.rm(path, { recursive: true, force: true })),
    syncDirectory: (path) => naming("sync directory", path, () => syncDirectory(path)),
    list: (path) => orNull("list", path, async () => (await fs.readdir(path)).sort()),
    stat: (path) => orNull("look at", path, () => statOf(path)),
    readlink: (path) => orNull("read symlink", path, () => fs.readlink(path), ["EINVAL"]),
    realpath: (path) => orNull("resolve", path, () => fs.realpath(path), ["ELOOP"]),
  };
}

function nothing(): void {}

/** Node's own recursive mkdir reports ENOENT on a read-only file system, which would mislead users. */
async function makeDirectory(path: string, mode: number): Promise<void> {
  const parent = dirname(path);
  try {
    await makeOne(path, mode);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT" || parent === path) throw error;
    await makeDirectory(parent, mode);
    // Tried only once: below /proc nothing can be created, which also reports ENOENT.
    await makeOne(path, mode);
  }
}

async function makeOne(path: string, mode: number): Promise<void> {
  try {
    await fs.mkdir(path, { mode });
  } catch (error) {
    if (errnoOf(error) !== "EEXIST" || !(await fs.stat(path)).isDirectory()) throw error;
  }
}

async function writeNewFile(path: string, body: Uint8Array | string, mode: number): Promise<void> {
  const handle = await fs.open(path, "wx", mode);
  try {
    await handle.writeFile(body);
    await handle.sync();
  } catch (error) {
    // An incomplete file is useless, and on a full disk harmful.
    await fs.unlink(path).catch(nothing);
    throw error;
  } finally {
    await handle.close();
  }
}

async function createForAppending(path: string, mode: number): Promise<AppendFile> {
  const handle = await fs.open(
    path,
    constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_EXCL,
    mode,
  );
  return {
    append: (body) => naming("append to", path, () => handle.writeFile(body)),
    sync: () => naming("sync", path, () => handle.sync()),
    close: () => naming("close", path, () => handle.close()),
  };
}

async function readRange(path: string, start: number, end: number): Promise<Uint8Array> {
  const handle = await fs.open(path, "r");
  try {
    const body = new Uint8Array(Math.max(0, end - start));
    let filled = 0;
    while (filled < body.length) {
      const { bytesRead } = await handle.read(body, filled, body.length - filled, start + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return body.subarray(0, filled);
  } finally {
    await handle.close();
  }
}

/** `link` fails if the name exists, on every file system with hard links: this is the only put-if-absent. */
async function putIfAbsent(from: string, to: string): Promise<"linked" | "exists"> {
  try {
    await fs.link(from, to);
    return "linked";
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return "exists";
    throw error;
  }
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await fs.open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } catch (error) {
    // Some file systems have no fsync for directories; nothing more can be done there.
    if (!["EINVAL", "ENOTSUP", "EOPNOTSUPP"].includes(errnoOf(error))) throw error;
  } finally {
    await handle.close();
  }
}

async function statOf(path: string): Promise<FileStat> {
  const stat = await fs.lstat(path, { bigint: true });
  return {
    kind: stat.isFile()
      ? "file"
      : stat.isDirectory()
        ? "directory"
        : stat.isSymbolicLink()
          ? "symlink"
          : "other",
    size: Number(stat.size),
    inode: String(stat.ino),
    mtimeNs: String(stat.mtimeNs),
    device: String(stat.dev),
  };
}

async function naming<T>(verb: string, path: string, act: () => Promise<T>, to?: string): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw translated(error, verb, path, to);
  }
}

/** Returns `null` if the path does not exist; `also`: further errno with this meaning for the call. */
async function orNull<T>(
  verb: string,
  path: string,
  act: () => Promise<T>,
  also: readonly string[] = [],
): Promise<T | null> {
  try {
    return await act();
  } catch (error) {
    if (["ENOENT", "ENOTDIR", ...also].includes(errnoOf(error))) return null;
    throw translated(error, verb, path);
  }
}

function errnoOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

interface Meaning {
  readonly code: string;
  readonly what: string;
  readonly hint: string;
}

const diskFull: Meaning = {
  code: "infra.disk-full",
  what: "the disk is full",
  hint: "Free some space there, then run the same command again: it continues where this one stopped.",
};
const quotaReached: Meaning = { ...diskFull, what: "the disk quota is used up" };
const noPermission: Meaning = {
  code: "infra.permission",
  what: "permission denied",
  hint: "Give the user that runs Nightshift access to this path, or choose another one.",
};
const occupied: Meaning = {
  code: "infra.occupied",
  what: "something else is there",
  hint: "Check what is there and move it away.",
};
const unsupported: Meaning = {
  code: "infra.unsupported",
  what: "the file system cannot do this",
  hint: "Choose a path on a local file system such as ext4, xfs, btrfs or APFS.",
};
const tooManyOpen: Meaning = {
  code: "infra.too-many-open-files",
  what: "too many open files",
  hint: "Raise the limit with `ulimit -n`.",
};

const meanings: { readonly [errno: string]: Meaning } = {
  ENOSPC: diskFull,
  EDQUOT: quotaReached,
  EACCES: noPermission,
  EPERM: noPermission,
  EROFS: {
    code: "infra.read-only",
    what: "the file system is read-only",
    hint: "Remount it for writing or choose another path.",
  },
  EXDEV: {
    code: "infra.cross-device",
    what: "source and destination are on different devices",
    hint: "Keep the output and the hidden directory beside it on one file system.",
  },
  EIO: {
    code: "infra.io",
    what: "the device reported an input/output error",
    hint: "Check the disk and the kernel's log before trying again.",
  },
  ENOENT: {
    code: "infra.not-found",
    what: "it is not there",
    hint: "Check that nothing else moves or removes files here.",
  },
  ENOTEMPTY: occupied,
  EEXIST: occupied,
  EISDIR: occupied,
  ENOTDIR: occupied,
  EBUSY: {
    code: "infra.busy",
    what: "it is in use, for instance as a mount point",
    hint: "Choose a path below the mount point.",
  },
  EMFILE: tooManyOpen,
  ENFILE: tooManyOpen,
  ENAMETOOLONG: {
    code: "infra.name-too-long",
    what: "the name is too long",
    hint: "Choose a shorter path.",
  },
  ENOSYS: unsupported,
  ENOTSUP: unsupported,
  EOPNOTSUPP: unsupported,
};

/** For a path that does not exist yet, the permissions of its directory matter. */
function mayWriteIn(path: string): string {
  return `Give the user that runs Nightshift the right to write in ${dirname(path)}, or choose another place.`;
}

/** Returns the one of several directories to be created that the system refused. */
function madePathOf(error: unknown): string | null {
  return error instanceof Error && "path" in error && typeof error.path === "string" ? error.path : null;
}

function translated(error: unknown, verb: string, path: string, to?: string): InfraError {
  const errno = errnoOf(error);
  const meaning = meanings[errno] ?? {
    code: "infra.io",
    what: error instanceof Error ? error.message : String(error),
    hint: "Check the path and the disk, then run the same command again.",
  };
  const place = to === undefined ? path : `${path} to ${to}`;
  return new InfraError(meaning.code, `cannot ${verb} ${place}: ${meaning.what}`, {
    hint:
      errno === "EACCES" && verb.startsWith("create") ? mayWriteIn(madePathOf(error) ?? path) : meaning.hint,
    details: { path, ...(to === undefined ? {} : { to }), errno },
    cause: error,
  });
}
