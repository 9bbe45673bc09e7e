/** Reads the column types of an input from the server, without reading rows. */
import type { Column, ColumnType } from "../../data/column.js";
import { InfraError, SpecError } from "../../errors.js";
import { readTable, type Table } from "../../postgres/catalogue.js";
import type { Session } from "../../postgres/session.js";
import { runAuthorStatement } from "./author-statement.js";
import { type Relation, relationOf } from "./input-sql.js";
import type { PostgresInput } from "./postgres-input.js";
import { readTypes, type Wire, wireType } from "./wire-types.js";

export interface InputColumn extends Column {
  readonly wire: Wire;
}

export interface DescribedInput {
  readonly relation: Relation;
  readonly columns: readonly InputColumn[];
  /** `null` for a query. */
  readonly table: Table | null;
}

/** @throws SpecError `postgres.no-such-table` and others of `postgres.*`; native errors */
export async function describeInput(session: Session, { read }: PostgresInput): Promise<DescribedInput> {
  await refuseOldServer(session);
  if (read.kind === "query") {
    const relation = relationOf(read);
    return { relation, columns: await columnsOf(session, relation, null), table: null };
  }
  const table = await readTable(session, read.table);
  const relation = relationOf({ kind: "table", table: table.name });
  return { relation, columns: await columnsOf(session, relation, table), table };
}

const oldestServer = 130_000;

async function refuseOldServer(session: Session): Promise<void> {
  const { rows } = await session.query<{ number: number; name: string }>(
    "select current_setting('server_version_num')::int4 as number, current_setting('server_version') as name",
  );
  const [server] = rows;
  if (server === undefined || server.number >= oldestServer) return;
  throw new InfraError("infra.unsupported", `The server is PostgreSQL ${server.name}: it is too old.`, {
    hint: "PostgreSQL 13 is the oldest that can be read.",
  });
}

/** @param table its columns may be known to be not null */
export async function columnsOf(
  session: Session,
  { sql, values }: Relation,
  table: Table | null,
): Promise<readonly InputColumn[]> {
  const text = `select * from ${sql} limit 0`;
  const { fields } = await runAuthorStatement(session, text, values).catch((error: unknown) => {
    throw wrongParameters(error, values.length) ?? error;
  });
  refuseDoubles(fields.map(({ name }) => name));
  const types = await readTypes(
    session,
    fields.map(({ dataTypeID }) => dataTypeID),
  );
  const notNull = new Set(table?.columns.filter((column) => column.notNull).map(({ name }) => name));
  return fields.map(({ name, dataTypeID, dataTypeModifier }) => ({
    name,
    nullable: !notNull.has(name),
    ...wireType(dataTypeID, dataTypeModifier, types),
  }));
}

function refuseDoubles(names: readonly string[]): void {
  const double = names.find((name, index) => names.indexOf(name) !== index);
  if (double === undefined) return;
  throw new SpecError("postgres.column-twice", `The query has two columns of the name "${double}".`, {
    hint: "Give one of them another name: … as other_name.",
    details: { column: double },
  });
}

/**
 * Reports a wrong number of parameters: the server treats too many as a protocol error, and too few have no
 * type.
 */
function wrongParameters(error: unknown, given: number): SpecError | null {
  const { code, message } = error as { readonly code?: string; readonly message?: string };
  if (code !== "08P01" && code !== "42P18" && code !== "42P02") return null;
  return new SpecError(
    "postgres.parameters",
    `input.params has ${given} ${given === 1 ? "value" : "values"}, which does not match the query: ${message}.`,
    { hint: "List a value for each of $1, $2, … in their order, and no more.", details: { given } },
  );
}

/** @throws SpecError `postgres.unreadable-type` for a column whose values cannot be represented exactly */
export function chosenColumns(
  columns: readonly InputColumn[],
  names: readonly string[],
): readonly InputColumn[] {
  return names.map((name) => {
    const column = columns.find((candidate) => candidate.name === name);
    if (column === undefined)
      throw new SpecError("postgres.no-such-column", `The input has no column "${name}" now.`, {
        hint: "Plan again.",
        details: { column: name },
      });
    if (column.wire.kind === "unreadable") throw unreadable(name, column.type, column.wire.wayOut);
    return column;
  });
}

function unreadable(column: string, type: ColumnType, wayOut: string): SpecError {
  const name = type.kind === "other" ? type.name : type.kind;
  return new SpecError(
    "postgres.unreadable-type",
    `Column "${column}" is of type ${name}, whose values cannot be represented exactly here.`,
    { hint: `Leave it out, or ${wayOut}.`, details: { column, type: name } },
  );
}
