/** Names of columns, and of fields of structs, in an input's schema. */
import type { Column, ColumnType, Schema } from "../data/column.js";
import { didYouMean } from "./did-you-mean.js";
import type { Problems } from "./problems.js";

/** Where a value lies: a column of the input, then fields of structs down to it. */
export interface FoundColumn {
  readonly path: readonly string[];
  readonly type: ColumnType;
}

/** A column of just that name goes before the path that the same text may be. */
export function findColumn(schema: Schema, name: string): FoundColumn | null {
  const column = schema.find((candidate) => candidate.name === name);
  if (column !== undefined) return { path: [name], type: column.type };
  for (let dot = name.indexOf("."); dot > 0; dot = name.indexOf(".", dot + 1)) {
    const parent = schema.find((candidate) => candidate.name === name.slice(0, dot));
    if (parent?.type.kind !== "struct") continue;
    const below = findColumn(parent.type.fields, name.slice(dot + 1));
    if (below !== null) return { path: [parent.name, ...below.path], type: below.type };
  }
  return null;
}

export function requireColumn(name: string, schema: Schema, where: string, problems: Problems): void {
  if (schema.some((column) => column.name === name)) return;
  unknownColumn(
    name,
    schema.map((column) => column.name),
    where,
    problems,
  );
}

/** Like {@link requireColumn}, for where a field of a struct does as well. */
export function requireValue(name: string, schema: Schema, where: string, problems: Problems): void {
  if (findColumn(schema, name) === null) unknownColumn(name, namesOf(schema), where, problems);
}

function unknownColumn(name: string, names: readonly string[], where: string, problems: Problems): void {
  problems.add("mapping.unknown-column", `${where}: the input has no column "${name}"`, {
    hint: didYouMean(name, names, "columns"),
    details: { column: name, columns: names },
  });
}

/** Columns, and fields of structs by their paths. */
function namesOf(schema: Schema, prefix = ""): readonly string[] {
  return schema.flatMap(({ name, type }: Column) => [
    `${prefix}${name}`,
    ...(type.kind === "struct" ? namesOf(type.fields, `${prefix}${name}.`) : []),
  ]);
}
