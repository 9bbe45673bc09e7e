/** One schema for all files: found file by file, without keeping them. */
import { type Column, type Schema, typeName } from "../../column.js";
import { DataError } from "../../errors.js";

export interface SchemaAgreement {
  /** @throws DataError `source.schema-drift` naming both files and the column */
  add(path: string, schema: Schema): void;
  /** In the order of the first file; nullable where any file's column is. Empty before the first. */
  readonly schema: Schema;
}

export function schemaAgreement(): SchemaAgreement {
  let first: { readonly path: string; readonly columns: Map<string, Column> } | null = null;
  return {
    add(path, schema) {
      if (first === null) first = { path, columns: byName(path, schema) };
      else compare(first, path, byName(path, schema));
    },
    get schema() {
      return [...(first?.columns.values() ?? [])];
    },
  };
}

function byName(path: string, schema: Schema): Map<string, Column> {
  const columns = new Map<string, Column>();
  for (const column of schema) {
    if (columns.has(column.name))
      throw new DataError("data.unsupported", `${path} has two columns named "${column.name}"`, {
        hint: "Rename one of them.",
        details: { file: path, column: column.name },
      });
    columns.set(column.name, column);
  }
  return columns;
}

function compare(
  first: { readonly path: string; readonly columns: Map<string, Column> },
  path: string,
  columns: Map<string, Column>,
): void {
  for (const [name, column] of columns) {
    const known = first.columns.get(name);
    if (known === undefined) throw drift(name, first.path, path, `is in ${path} and not in ${first.path}`);
    const [here, there] = [typeName(column.type), typeName(known.type)];
    if (here !== there)
      throw drift(name, first.path, path, `is ${there} in ${first.path} and ${here} in ${path}`);
    if (column.nullable && !known.nullable) first.columns.set(name, { ...known, nullable: true });
  }
  for (const name of first.columns.keys())
    if (!columns.has(name)) throw drift(name, first.path, path, `is in ${first.path} and not in ${path}`);
}

function drift(column: string, first: string, file: string, how: string): DataError {
  return new DataError("source.schema-drift", `the input files differ: column "${column}" ${how}`, {
    hint: "Write the files with one schema, or score them in separate runs.",
    details: { column, file, other: first },
  });
}
