/** Paths of values in a spec. */
import type { SpecPath } from "../job/spec-problem.js";

/** Formats a path: `features.x.stack[1]`; the root of a spec is `(top)`. */
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

/** Whether `path` equals `start` or is below it. */
export function isUnder(path: SpecPath, start: SpecPath): boolean {
  return path.length >= start.length && samePath(path.slice(0, start.length), start);
}
