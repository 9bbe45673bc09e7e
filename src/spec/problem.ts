/** A mistake in a spec, by the path of the value it is about; where that stands in a file comes later. */

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

/** `features.x.stack[1]`; the top of a spec is `(top)`. */
export function formatPath(path: SpecPath): string {
  const text = path
    .map((step) => {
      if (typeof step === "number") return `[${step}]`;
      return /^[\w-]+$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
    })
    .join("");
  return text === "" ? "(top)" : text.replace(/^\./, "");
}

export function samePath(a: SpecPath, b: SpecPath): boolean {
  return a.length === b.length && a.every((step, index) => step === b[index]);
}

/** Whether `path` is `start` or lies below it. */
export function isUnder(path: SpecPath, start: SpecPath): boolean {
  return path.length >= start.length && samePath(path.slice(0, start.length), start);
}
