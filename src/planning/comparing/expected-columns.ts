/** Which columns of a file hold expected predictions, and whether the file has what it needs beside them. */
import { type Column, type Schema, typeName } from "../../data/column.js";
import { SpecError } from "../../errors.js";
import { columnNames, type Mapping } from "../../mapping/mapping.js";
import { canCompare } from "./cells.js";

export interface ExpectedFile {
  readonly file: string;
  readonly schema: Schema;
  /** Columns that the file must have, since they feed the model or name a row. */
  readonly needed: readonly string[];
  /** Other columns that it may have. */
  readonly allowed: readonly string[];
}

/**
 * The predicted columns that the file has expected values of.
 * @throws SpecError `check.columns` that names what is missing, unknown, twice what it can be, or of another type
 */
export function expectedColumns(
  { file, schema, needed, allowed }: ExpectedFile,
  mapping: Pick<Mapping, "outputs" | "columns">,
): readonly Column[] {
  const predicted = predictedColumns(mapping);
  const names = predicted.map(({ name }) => name);
  const listed = (columns: readonly string[]) => columns.map((name) => JSON.stringify(name)).join(", ");
  const refuse = (what: string, hint: string, columns: readonly string[]): SpecError =>
    new SpecError("check.columns", `${file} ${what}`, {
      hint,
      details: { file, columns: [...columns] },
    });
  const found = schema.filter(({ isIndex }) => isIndex !== true);
  const has = (name: string): boolean => found.some((column) => column.name === name);

  const missing = needed.filter((name) => !has(name));
  if (missing.length > 0)
    throw refuse(
      `has no column ${listed(missing)}, which the job reads`,
      "Write the rows themselves beside their predictions: the columns that feed the model, by the names that the job reads.",
      missing,
    );
  const both = needed.filter((name) => names.includes(name));
  if (both.length > 0)
    throw refuse(
      `has one column ${listed(both)}, which the job reads and predicts`,
      "Name the predicted column otherwise, under outputs.",
      both,
    );
  const unknown = found
    .map(({ name }) => name)
    .filter((name) => !names.includes(name) && !needed.includes(name) && !allowed.includes(name));
  if (unknown.length > 0)
    throw refuse(
      `has columns that are neither read nor predicted: ${listed(unknown)}`,
      `Leave them out, or name them as the predictions are named: ${listed(names)}.`,
      unknown,
    );
  const expected = predicted.filter(({ name }) => has(name));
  if (expected.length === 0)
    throw refuse(
      "has no column with predictions to compare",
      `Write the training library's predictions into columns named like the predicted ones: ${listed(names)}.`,
      names,
    );
  for (const { name, type } of expected) {
    const own = found.find((column) => column.name === name);
    if (own === undefined || canCompare(own.type, type)) continue;
    throw refuse(
      `has ${typeName(own.type)} in column ${listed([name])}, where ${typeName(type)} is predicted`,
      "Write the column with the type that is predicted, or leave it out.",
      [name],
    );
  }
  return expected;
}

/** The output's columns that the model gives. */
export function predictedColumns({ outputs, columns }: Pick<Mapping, "outputs" | "columns">): Schema {
  const names = new Set(outputs.flatMap(columnNames));
  return columns.filter(({ name }) => names.has(name));
}
