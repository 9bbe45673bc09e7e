/** What a schema cannot say: how the parts of a spec go together. */
import type { JsonValue } from "../../errors.js";
import type { Problem, SpecPath } from "../../job/spec-problem.js";
import type { JobSpec } from "../schema.js";

export interface CheckedSpec {
  readonly spec: JobSpec;
  /** As written, but for `${…}`: templates are still there. */
  readonly written: JsonValue;
  /** Absolute; paths in the spec are relative to it. */
  readonly baseDir: string;
  readonly outputRoot: string | null;
}

export interface Check {
  /** Parts of the spec that it looks at. A mistake in one of these leaves the check out: it could only mislead. */
  readonly reads: readonly SpecPath[];
  problems(checked: CheckedSpec): Iterable<Problem>;
}

export function asList(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === "string" ? [value] : value;
}

/** The path of an item of something that may be written as one string. */
export function itemPath(path: SpecPath, value: string | readonly string[], index: number): SpecPath {
  return typeof value === "string" ? path : [...path, index];
}
