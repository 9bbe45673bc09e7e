/** A problem with its location, for display. */
export interface Diagnostic {
  /** Displayed name of the file; `null` for a spec without a file. */
  readonly file: string | null;
  /** `features.x.stack[1]` */
  readonly path: string;
  /** One-based; 0 for a spec without a file. Columns count UTF-16 units; `endColumn` is exclusive. */
  readonly line: number;
  readonly column: number;
  readonly endColumn: number;
  readonly code: string;
  readonly message: string;
  readonly suggestion: string | null;
}

/** Text of the files that diagnostics refer to, by {@link Diagnostic.file}. Secrets are masked already. */
export interface Sources {
  readonly [file: string]: string;
}
