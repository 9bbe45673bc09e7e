/** A store holds input bytes: the local file system today, buckets later. One file in `stores/` each. */
export interface Store {
  /**
   * Yields every file that a path, glob or directory names, in byte order of paths, with symlinks resolved.
   * Names with a leading dot or underscore are excluded from directories and globs. A path or glob that
   * matches nothing is a {@link SpecError} `source.not-found`.
   */
  list(pattern: string): AsyncIterable<StoredFile>;
  /** Returns the identity of one file now, or `null` if it does not exist. */
  stat(path: string): Promise<StoredFile | null>;
  open(path: string): Promise<ReadHandle>;
  /**
   * Returns the names of all entries of a directory, including hidden ones, in no order; `null` if it is not
   * a directory.
   */
  names(directory: string): Promise<readonly string[] | null>;
}

export interface StoredFile {
  readonly path: string;
  /** Path under which it was found; symlinks are not resolved. */
  readonly listedAs: string;
  readonly size: number;
  readonly inode: string;
  readonly mtimeNs: string;
  readonly ctimeNs: string;
  /** `key=value` directories between the named root and the file, decoded, in order. */
  readonly pathValues: { readonly [column: string]: string };
}

/** Random access to one file's bytes. Ranges are end-exclusive. */
export interface ReadHandle {
  readonly path: string;
  readonly size: number;
  /** Synchronous if the store supports it (local files): several times faster for decoders. */
  readSync?(start: number, end: number): Uint8Array;
  /** Like `readSync`, into an existing buffer: fills it starting from byte `start` of the file. */
  readIntoSync?(start: number, buffer: Uint8Array): void;
  read(start: number, end: number): Promise<Uint8Array>;
  /** Number of bytes read so far. */
  readonly bytesRead: number;
  close(): Promise<void>;
}
