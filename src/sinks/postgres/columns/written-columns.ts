/** Maps the predictions to columns of a table: existing ones, or those with which it would be created. */

import { type Column, type Schema, typeName } from "../../../data/column.js";
import { SpecError } from "../../../errors.js";
import type { Table, TableColumn } from "../../../postgres/catalogue.js";
import { closest } from "../../../text/closest-word.js";
import { count } from "../../../text/human.js";
import type { ListLayout } from "../postgres-write.js";
import { isEmbedding, type NewColumn, newType } from "./new-types.js";
import { isRounded } from "./rounding.js";
import type { VectorTypes } from "./vector-types.js";
import { isList, isVector, isVectorLayout, maxVectorSize, takes, type Wire, wireOf } from "./wire.js";

export interface WrittenColumn {
  readonly name: string;
  /** SQL type name. */
  readonly type: string;
  readonly wire: Wire;
  /** Position of the output column that supplies the values. */
  readonly from: number;
  /** Position of the struct field, if the output column is a list of structs. */
  readonly field: number | null;
  /** The column holds one element of a list that becomes a row for each element. */
  readonly isElement: boolean;
  /** The table's type has fewer digits than the values, so the server rounds them. */
  readonly isRounded: boolean;
}

export interface WrittenColumns {
  readonly columns: readonly WrittenColumn[];
  /** Position of the output column that becomes a row for each element; `null` if there is none. */
  readonly exploded: number | null;
}

interface Part extends NewColumn {
  readonly name: string;
  /** Alternative name if `name` is taken. */
  readonly otherwise: string | null;
  readonly from: number;
  readonly field: number | null;
}

export interface TableShape {
  readonly layout: { readonly [column: string]: ListLayout };
  /** Name of the table for messages. */
  readonly tableName: string;
  /** Vector types of the database. */
  readonly vectors: VectorTypes;
}

/** Columns of Nightshift in the tables that it publishes to. A job must not write them. */
export const ownColumns = { run: "nightshift_run", asOf: "nightshift_as_of" } as const;

/**
 * @param table `null`: the table will be created
 * @throws SpecError `postgres.columns` with all problems
 */
export function writtenColumns(schema: Schema, table: Table | null, shape: TableShape): WrittenColumns {
  const problems: string[] = [...layoutProblems(schema, shape.layout)];
  const outputNames = new Set(schema.map(({ name }) => name));
  const parts = schema.flatMap((column, from) => partsOf(column, from, shape.layout));
  const columns: WrittenColumn[] = [];
  for (const part of parts) {
    const unusable = unusableName(nameOf(part, outputNames));
    if (unusable !== null) {
      problems.push(unusable);
      continue;
    }
    const written =
      table === null ? newColumn(part, shape, outputNames) : foundColumn(part, table, shape, outputNames);
    if (typeof written === "string") problems.push(written);
    else columns.push(written);
  }
  problems.push(...twice(columns), ...ours(columns), ...tooMany(parts.length));
  if (table !== null) problems.push(...left(table, columns));
  if (problems.length > 0) throw misfit(problems, shape.tableName);
  const exploded = schema.findIndex(({ name }) => shape.layout[name] === "explode");
  return { columns, exploded: exploded < 0 ? null : exploded };
}

function partsOf(column: Column, from: number, layouts: TableShape["layout"]): readonly Part[] {
  const layout = layouts[column.name] ?? null;
  const { type, name } = column;
  const whole: Part = {
    name,
    otherwise: null,
    type,
    from,
    field: null,
    layout,
    isEmbedding: isEmbedding(column),
  };
  if (!isList(type)) return [whole];
  const fields = type.item.kind === "struct" ? type.item.fields : null;
  if (layout === "explode")
    return fields === null
      ? [{ ...whole, type: type.item }]
      : fields.map((field, at) => ({
          ...whole,
          name: field.name,
          otherwise: `${name}_${field.name}`,
          type: field.type,
          field: at,
        }));
  if (layout === "array" && fields !== null)
    return fields.map((field, at) => ({
      ...whole,
      name: `${name}_${field.name}`,
      type: { kind: "list", item: field.type },
      field: at,
    }));
  return [whole];
}

function nameOf({ name, otherwise }: Part, outputs: ReadonlySet<string>): string {
  return otherwise !== null && outputs.has(name) ? otherwise : name;
}

function newColumn(part: Part, shape: TableShape, outputs: ReadonlySet<string>): WrittenColumn | string {
  const { type, layout, from, field } = part;
  const name = nameOf(part, outputs);
  const made = newType(part, shape.vectors);
  if (made === null)
    return `${name}: PostgreSQL has no type for ${typeName(type)}; leave it out of the output`;
  return {
    name,
    type: made.sql,
    wire: made.wire,
    from,
    field,
    isElement: layout === "explode",
    isRounded: false,
  };
}

function foundColumn(
  part: Part,
  table: Table,
  shape: TableShape,
  outputs: ReadonlySet<string>,
): WrittenColumn | string {
  const name = nameOf(part, outputs);
  const column = table.columns.find((one) => one.name === name);
  if (column === undefined) return missing(name, part, table, shape);
  if (column.generated) return `${name}: the table computes it itself; leave it out of the output`;
  const { type, from, field, layout } = part;
  const found = wireOf(column);
  if (found === null || !takes(found, type)) return unfit(name, part, column, shape);
  if (isVectorLayout(layout) && found.kind !== layout)
    return `${name}: the column is ${column.type}, and \`layout\` says ${layout}; leave the layout out, or alter the column`;
  const wire = isVector(found) ? { ...found, rounds: found.kind === layout } : found;
  return {
    name,
    type: column.type,
    wire,
    from,
    field,
    isElement: layout === "explode",
    isRounded: isRounded(column, wire, type),
  };
}

function missing(name: string, part: Part, { columns }: Table, { vectors }: TableShape): string {
  const near = closest(
    name,
    columns.map((column) => column.name),
  );
  const sql = newType(part, vectors)?.sql ?? "jsonb";
  return `${name}: there is no such column${near === null ? `; add it: ${sql}` : `; did you mean ${near}?`}`;
}

function unfit(name: string, part: Part, column: TableColumn, { vectors }: TableShape): string {
  const { type } = part;
  const found = wireOf(column);
  // Here the type is right and only the size differs.
  const better =
    found !== null && isVector(found) && takes({ ...found, size: null }, type) && type.kind === "fixed-list"
      ? column.type.replace(/(\(\d+\))?$/, `(${type.size})`)
      : (newType(part, vectors)?.sql ?? "jsonb");
  return `${name}: the column is ${column.type}, and the predictions are ${typeName(type)}; make it ${better}`;
}

function* layoutProblems(schema: Schema, layouts: TableShape["layout"]): Iterable<string> {
  for (const [name, layout] of Object.entries(layouts)) {
    const column = schema.find((one) => one.name === name);
    if (column === undefined) yield `layout.${name}: there is no such output column`;
    else if (!isList(column.type))
      yield `layout.${name}: ${layout} is for lists, and the column is ${typeName(column.type)}`;
    else if (isVectorLayout(layout) && column.type.item.kind !== "float")
      yield `layout.${name}: a ${layout} is made of floats, and the column is ${typeName(column.type)}`;
    else if (isVectorLayout(layout) && !takes({ kind: layout, size: null, rounds: true }, column.type))
      yield `layout.${name}: a ${layout} has 1 to ${count(maxVectorSize)} numbers, and the column is ${typeName(column.type)}`;
  }
}

function* twice(columns: readonly WrittenColumn[]): Iterable<string> {
  for (const [at, { name }] of columns.entries())
    if (columns.findIndex((column) => column.name === name) < at)
      yield `${name}: two outputs would be written to it; rename one`;
}

function* ours(columns: readonly WrittenColumn[]): Iterable<string> {
  for (const { name } of columns)
    if (name === ownColumns.run || name === ownColumns.asOf)
      yield `${name}: the name is Nightshift's own; rename the output`;
}

/** Reports a name that PostgreSQL does not allow for a column. */
function unusableName(name: string): string | null {
  const bytes = Buffer.byteLength(name);
  if (bytes === 0 || name.includes("\0"))
    return `"${name.replaceAll("\0", "")}": PostgreSQL has no such names; rename it`;
  if (bytes > maxNameBytes)
    return `${name}: the name has ${bytes} bytes, and PostgreSQL cuts it off behind ${maxNameBytes}; rename it`;
  if (systemColumns.has(name)) return `${name}: it is a system column of every table; rename it`;
  return stagingNames.has(name) ? `${name}: the name is Nightshift's own; rename the output` : null;
}

const maxNameBytes = 63;
const systemColumns: ReadonlySet<string> = new Set(["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"]);
/** Columns of the staging table beside those of the output: see `area.ts`. */
const stagingNames: ReadonlySet<string> = new Set(["nightshift_attempt", "nightshift_element"]);

/**
 * PostgreSQL's limit, less two columns of Nightshift in the staging table and in tables that store the run of
 * each row.
 */
const maxColumns = 1600 - 2;

function* tooMany(length: number): Iterable<string> {
  if (length > maxColumns)
    yield `there are ${count(length)} columns, and a table has ${count(maxColumns)} beside Nightshift's own; make lists of them (leave out \`columns\` under \`outputs\`), or write files`;
}

/** Reports required columns that no output fills. Nightshift fills its own columns itself. */
function* left({ columns }: Table, written: readonly WrittenColumn[]): Iterable<string> {
  for (const { name, type, notNull, hasDefault, generated } of columns)
    if (
      name !== ownColumns.run &&
      name !== ownColumns.asOf &&
      notNull &&
      !hasDefault &&
      !generated &&
      !written.some((column) => column.name === name)
    )
      yield `${name}: it is ${type} NOT NULL without a default, and no output has its name`;
}

function misfit(problems: readonly string[], tableName: string): SpecError {
  return new SpecError(
    "postgres.columns",
    `The predictions do not fit ${tableName}: ${problems.join("; ")}.`,
    {
      hint: "Rename predictions in the job (`outputs: { <output>: { columns: { <name>: <label> } } }`), or alter the table; nightshift plan shows both sides.",
      details: { table: tableName, problems },
    },
  );
}
