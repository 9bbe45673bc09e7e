/** A mistake in a spec, by the path of the value it is about; its place in a file is found later. */

export type SpecPath = readonly (string | number)[];

export interface Problem {
  readonly path: SpecPath;
  /** Whether the key is wrong or what it holds. */
  readonly at: "key" | "value";
  /** Where only a part of a string value is wrong. */
  readonly span?: TextSpan;
  /** Stable, dotted: `spec.unknown-key`. */
  readonly code: string;
  readonly message: string;
  /** What to write instead, or to do. */
  readonly suggestion: string | null;
}

/** A part of a string, end-exclusive. Earlier expansions may have moved it, so its text is what finds it again. */
export interface TextSpan {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Makes the problem of a value that is wrong. */
export function wrong(path: SpecPath, code: string, message: string, suggestion: string | null): Problem {
  return { path, at: "value", code, message, suggestion };
}

/** Makes the problem of a key that must not be there. */
export function wrongKey(path: SpecPath, code: string, message: string, suggestion: string): Problem {
  return { path, at: "key", code, message, suggestion };
}

/** Makes the problem of a text that names no table of a database. */
export function badTableName(path: SpecPath, name: string): Problem {
  return wrong(
    path,
    "spec.table-name",
    `\`${name}\` is not a valid table name`,
    'write `schema.table`, each up to 63 bytes, with `"…"` around one that has a dot or a quote in it',
  );
}
