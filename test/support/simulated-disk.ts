/**
 * A disk in memory that knows what is durable. File contents are durable up to the last sync of the file, names up to
 * the last sync of their directory. A power cut keeps that, and any part of the rest; a kill keeps everything.
 */
import { dirname, join } from "node:path";
import { InfraError } from "../../src/errors.js";
import type { AppendFile, FileSystem } from "../../src/stores/file-system.js";

export interface Operation {
  readonly name: keyof FileSystem | keyof AppendFile;
  readonly path: string;
}

interface DiskView {
  /** Runs before each operation of this view; may wait, or throw in its place. */
  readonly before?: (operation: Operation) => Promise<void> | void;
  /** Runs after each operation that changed anything. */
  readonly afterChange?: (operation: Operation) => void;
  /** Operations that report success and do nothing: faults to be caught. */
  readonly skips?: (operation: Operation) => boolean;
}

/** What a power cut makes of contents that were never synced. */
export type UnsyncedContents = "lost" | "half" | "zeros" | "kept";

export interface SimulatedDisk {
  view(options?: DiskView): FileSystem;
  /** The disk as found after a power cut now. This one goes on. */
  afterPowerCut(unsynced: {
    readonly contents: UnsyncedContents;
    readonly names: "lost" | "kept";
  }): SimulatedDisk;
}

interface File {
  readonly kind: "file";
  readonly inode: number;
  bytes: Buffer;
  synced: number;
}

interface Directory {
  readonly kind: "directory";
  readonly inode: number;
  readonly now: Map<string, File | Directory>;
  durable: Map<string, File | Directory>;
}

let inodes = 0;

function newDirectory(): Directory {
  return { kind: "directory", inode: ++inodes, now: new Map(), durable: new Map() };
}

export function simulatedDisk(root: Directory = newDirectory()): SimulatedDisk {
  return {
    view: (options = {}) => view(root, options),
    afterPowerCut: (unsynced) => simulatedDisk(survivors(root, unsynced, new Map())),
  };
}

function survivors(
  directory: Directory,
  unsynced: Parameters<SimulatedDisk["afterPowerCut"]>[0],
  files: Map<File, File>,
): Directory {
  const left = newDirectory();
  for (const [name, entry] of unsynced.names === "kept" ? directory.now : directory.durable) {
    if (entry.kind === "directory") left.now.set(name, survivors(entry, unsynced, files));
    else {
      const file = files.get(entry) ?? survivor(entry, unsynced.contents);
      files.set(entry, file);
      left.now.set(name, file);
    }
  }
  left.durable = new Map(left.now);
  return left;
}

function survivor(file: File, contents: UnsyncedContents): File {
  const unsynced = file.bytes.length - file.synced;
  const kept = { lost: 0, half: Math.ceil(unsynced / 2), zeros: 0, kept: unsynced }[contents];
  const durable = file.bytes.subarray(0, file.synced + kept);
  const bytes =
    contents === "zeros" ? Buffer.concat([durable, Buffer.alloc(unsynced)]) : Buffer.from(durable);
  return { kind: "file", inode: ++inodes, bytes, synced: bytes.length };
}

function view(root: Directory, { before, afterChange, skips }: DiskView): FileSystem {
  function find(path: string): File | Directory | null {
    let entry: File | Directory | undefined = root;
    for (const name of path.split("/").filter((part) => part !== "")) {
      if (entry?.kind !== "directory") return null;
      entry = entry.now.get(name);
    }
    return entry ?? null;
  }

  function directory(path: string): Directory {
    const found = find(path);
    if (found?.kind !== "directory") throw new InfraError("infra.io", `${path}: ENOENT`);
    return found;
  }

  function put(path: string, entry: File | Directory): void {
    const { now } = directory(dirname(path));
    const name = path.slice(path.lastIndexOf("/") + 1);
    if (now.has(name)) throw new InfraError("infra.io", `${path}: EEXIST`);
    now.set(name, entry);
  }

  /** One operation: waits its turn, happens at once, tells. */
  async function operate<T>(
    name: Operation["name"],
    path: string,
    work: () => T,
    changes = true,
  ): Promise<T> {
    await before?.({ name, path });
    const result = skips?.({ name, path }) === true ? (undefined as T) : work();
    if (changes) afterChange?.({ name, path });
    return result;
  }

  function read<T>(name: Operation["name"], path: string, work: () => T): Promise<T> {
    return operate(name, path, work, false);
  }

  function newFile(path: string, body: Uint8Array | string = ""): File {
    const file: File = { kind: "file", inode: ++inodes, bytes: Buffer.from(body as string), synced: 0 };
    put(path, file);
    return file;
  }

  function sync(file: File): void {
    file.synced = file.bytes.length;
  }

  const file = (path: string): File | null => {
    const found = find(path);
    return found?.kind === "file" ? found : null;
  };

  return {
    mkdir: (path) =>
      operate("mkdir", path, () => {
        let made = "/";
        for (const part of path.split("/").filter((name) => name !== "")) {
          made = join(made, part);
          if (find(made) === null) put(made, newDirectory());
        }
      }),
    writeFile: (path, body) => operate("writeFile", path, () => sync(newFile(path, body))),
    create: (path) =>
      operate("create", path, () => {
        const made = newFile(path);
        return {
          append: (body) =>
            operate("append", path, () => {
              made.bytes = Buffer.concat([made.bytes, Buffer.from(body as string)]);
            }),
          sync: () => operate("sync", path, () => sync(made)),
          close: async () => undefined,
        };
      }),
    readFile: (path) => read("readFile", path, () => file(path)?.bytes ?? null),
    readRange: (path, start, end) =>
      read("readRange", path, () => file(path)?.bytes.subarray(start, end) ?? null),
    link: (from, to) =>
      operate("link", to, () => {
        if (find(to) !== null) return "exists" as const;
        const linked = file(from);
        if (linked === null) throw new InfraError("infra.io", `${from}: ENOENT`);
        put(to, linked);
        return "linked" as const;
      }),
    unlink: (path) =>
      operate("unlink", path, () => {
        directory(dirname(path)).now.delete(path.slice(path.lastIndexOf("/") + 1));
      }),
    syncDirectory: (path) =>
      operate("syncDirectory", path, () => {
        const found = directory(path);
        found.durable = new Map(found.now);
      }),
    list: (path) =>
      read("list", path, () => {
        const found = find(path);
        return found?.kind === "directory" ? [...found.now.keys()].sort() : null;
      }),
    stat: (path) =>
      read("stat", path, () => {
        const found = find(path);
        if (found === null) return null;
        const size = found.kind === "file" ? found.bytes.length : 0;
        return { kind: found.kind, size, inode: String(found.inode), mtimeNs: "0", device: "0" };
      }),
    symlink: unneeded,
    rename: unneeded,
    removeTree: unneeded,
    readlink: unneeded,
    realpath: unneeded,
  };
}

async function unneeded(): Promise<never> {
  throw new Error("the journal does not need this");
}
