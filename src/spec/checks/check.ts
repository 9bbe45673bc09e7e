/** Checks that a schema cannot express: the relations between parts of a spec. */
import type { JsonValue } from "../../errors.js";
import type { Problem, SpecPath } from "../../job/spec-problem.js";
import type { JobSpec } from "../schema.js";

export interface CheckedSpec {
  readonly spec: JobSpec;
  /** The spec as written, except that `${…}` is expanded; templates are unexpanded. */
  readonly written: JsonValue;
  /** Absolute; paths in the spec are relative to it. */
  readonly baseDir: string;
  readonly outputRoot: string | null;
}

export interface Check {
  /**
   * The parts of the spec that it reads. If one of them contains a mistake, the check is skipped, because its
   * result could mislead.
   */
  readonly reads: readonly SpecPath[];
  problems(checked: CheckedSpec): Iterable<Problem>;
}

export function asList(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === "string" ? [value] : value;
}

/** Returns the path of an item if the value is a list, or of the value itself if it is a single string. */
export function itemPath(path: SpecPath, value: string | readonly string[], index: number): SpecPath {
  return typeof value === "string" ? path : [...path, index];
}
