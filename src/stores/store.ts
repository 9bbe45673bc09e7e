/** A store holds input bytes: the local file system today, buckets later. One file in `stores/` each. */
export interface Store {
  /**
   * Every file that a path, glob or directory names, in byte order of their paths, symlinks resolved.
   * Hidden and underscore names are left out of directories and globs. A named path or glob that matches nothing is a
   * {@link SpecError} `source.not-found`.
   */
  list(pattern: string): AsyncIterable<StoredFile>;
  /** Identity of one file now, or `null` where it is gone. */
  stat(path: string): Promise<StoredFile | null>;
  open(path: string): Promise<ReadHandle>;
  /** Names of all entries of a directory, hidden ones too, in no order; `null` where it is no directory. */
  names(directory: string): Promise<readonly string[] | null>;
}

export interface StoredFile {
  readonly path: string;
  /** Path by which it was found, symlinks not resolved. */
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
  /** Synchronous where the store can (local files): it is several times faster for decoders. */
  readSync?(start: number, end: number): Uint8Array;
  /** The same into a buffer that is there already: fills it from byte `start` on. */
  readIntoSync?(start: number, buffer: Uint8Array): void;
  read(start: number, end: number): Promise<Uint8Array>;
  /** Bytes handed out so far. */
  readonly bytesRead: number;
  close(): Promise<void>;
}
