import type { WriteMode, WriteSpec } from "../../job/output.js";

/** An output of local files. */
export interface FilesWrite extends WriteSpec {
  readonly kind: "files";
  /** Absolute path of a directory, or of one file if `shape` is `file`. */
  readonly to: string;
  readonly shape: "directory" | "file";
  readonly mode: Exclude<WriteMode, "upsert">;
}
