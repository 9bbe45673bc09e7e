/**
 * The file layer that the ledger and the local sink write through. It is a parameter, so that a test can
 * record every operation and replay any prefix of them without unsynced data.
 *
 * Paths are absolute. Every method translates errno into an {@link InfraError} (`infra.disk-full`,
 * `infra.permission`, `infra.read-only`, `infra.io`) that names the path, except outcomes that callers
 * handle, which are results.
 */
export interface FileSystem {
  /** Creates a directory and its parents; no error if it exists. */
  mkdir(path: string): Promise<void>;
  /** Writes a whole new file (it must not exist) and fsyncs its contents, not its directory. */
  writeFile(path: string, body: Uint8Array | string): Promise<void>;
  /** Opens a new file for appending (it must not exist). */
  create(path: string): Promise<AppendFile>;
  readFile(path: string): Promise<Uint8Array | null>;
  /**
   * End-exclusive; shorter if the file ends before `end`, `null` if it does not exist. For growing and for
   * large files.
   */
  readRange(path: string, start: number, end: number): Promise<Uint8Array | null>;
  /** Creates a hard link. `exists`: `to` existed and is unchanged; this put-if-absent decides races. */
  link(from: string, to: string): Promise<"linked" | "exists">;
  symlink(target: string, path: string): Promise<void>;
  /** Atomic; replaces a file or symlink at `to`. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file; no error if it does not exist. */
  unlink(path: string): Promise<void>;
  removeTree(path: string): Promise<void>;
  /** Makes creations, renames and removals in the directory durable. */
  syncDirectory(path: string): Promise<void>;
  /** Returns the names in a directory, sorted; `null` if it does not exist. */
  list(path: string): Promise<readonly string[] | null>;
  /** Does not follow symlinks. */
  stat(path: string): Promise<FileStat | null>;
  readlink(path: string): Promise<string | null>;
  realpath(path: string): Promise<string | null>;
}

export interface AppendFile {
  append(body: Uint8Array | string): Promise<void>;
  /** fsync: appended data survives a power cut. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface FileStat {
  readonly kind: "file" | "directory" | "symlink" | "other";
  readonly size: number;
  readonly inode: string;
  readonly mtimeNs: string;
  readonly device: string;
}
