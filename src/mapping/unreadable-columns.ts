/** Reports columns that a job reads but that cannot be read, with their own error rather than one about their type. */
import { type ColumnType, type OtherType, type Schema, unreadablePart } from "../data/column.js";
import { DataError } from "../errors.js";
import type { BoundColumn } from "./mapping.js";

/** @throws DataError the problem of the first column that has one */
export function requireReadable(
  schema: Schema,
  names: readonly string[],
  bound: readonly Pick<BoundColumn, "type">[],
): void {
  const named = names.flatMap((name) => schema.find((column) => column.name === name)?.type ?? []);
  for (const type of [...bound.map((column) => column.type), ...named]) throwProblem(type);
}

function throwProblem(type: ColumnType): void {
  const problem = unreadablePart(type)?.problem;
  if (problem === undefined) return;
  const { code, message, hint, details } = problem;
  throw new DataError(code, message, { hint, details });
}

/** Message for a column that is left out because the job does not name it. */
export function leftOut(name: string, { name: type, problem }: OtherType): string {
  return problem === undefined
    ? `column "${name}" is ${type} and is left out of the output`
    : `column "${name}" is left out of the output: ${problem.message}`;
}
