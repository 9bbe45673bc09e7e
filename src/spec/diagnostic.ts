/** A problem with where it stands: what a person gets to see. */
export interface Diagnostic {
  /** As people call it; `null` for a spec that is no file. */
  readonly file: string | null;
  /** `features.x.stack[1]` */
  readonly path: string;
  /** One-based, and 0 for a spec that is no file. Columns count UTF-16 units; `endColumn` is exclusive. */
  readonly line: number;
  readonly column: number;
  readonly endColumn: number;
  readonly code: string;
  readonly message: string;
  readonly suggestion: string | null;
}

/** Text of the files that diagnostics point into, by {@link Diagnostic.file}. Secrets are masked already. */
export interface Sources {
  readonly [file: string]: string;
}
