/**
 * The run's staging table as the new table itself, so that no row is written twice: where it holds what is published and
 * nothing else, and is like the target but for the number of the attempt. Wherever that is in doubt, rows are copied.
 *
 * Rows that were staged before the publishing transaction are not new to a snapshot that was taken while they came: to
 * whoever still reads by one, the promoted table would hold a part of the run. To them a copy is empty.
 */
import { quoteName, quoteText } from "../../../postgres/identifiers.js";
import { orUndone } from "../../../postgres/savepoint.js";
import type { Session } from "../../../postgres/session.js";
import { type RegisteredRun, stagingColumns, stagingTable } from "../area.js";
import { inArea, type Move, ownValues } from "./move.js";
import { type ColumnShape, shapeOf, type TableShape } from "./table-shape.js";

/**
 * @param name what it is called in our schema from then on; without indexes, grants and comment
 * @returns `false`: nothing was changed, and rows have to be copied
 */
export async function promoteStaging(move: Move, name: string): Promise<boolean> {
  const { session, table, run, staging, isExploded } = move;
  if (!staging.isClosed || isExploded) return false;
  const target = await shapeOf(session, table.oid);
  const staged = await shapeOf(session, staging.oid);
  const further = furtherColumns(target, staged);
  if (further === null || (await isSeenInPart(session, run))) return false;
  const values = new Map(ownValues(move).map((own) => [own.name, own.sql]));
  const statements = [
    `alter table ${stagingTable(run)} rename to ${quoteName(name)}`,
    ...remake(inArea(name), target, further, values),
    ...comments(inArea(name), target),
  ];
  // A null where there may be none, a check: the copy meets it too, and tells it of the table that people know.
  const done = await orUndone(session, () => session.query(statements.join(";\n")), ["23"]);
  return done !== null;
}

/** The target's columns behind those that are staged: ours, and those that nobody writes; `null`: it is not alike. */
function furtherColumns(target: TableShape, staging: TableShape): readonly ColumnShape[] | null {
  const staged = staging.columns.filter(({ name }) => name !== stagingColumns.attempt);
  const further = target.columns.slice(staged.length);
  const isAlike =
    staging.isOwn &&
    staging.fillFactor === target.fillFactor &&
    further.every(({ isUsual }) => isUsual) &&
    staged.every(({ name, kind }, at) => {
      const column = target.columns[at];
      return column?.name === name && column.kind === kind;
    });
  return isAlike ? further : null;
}

/**
 * Whether anybody has a snapshot from before the last row was staged, or could have one where it cannot be looked for: on
 * a standby. Whoever takes one from now on sees the run whole. Workers of the server itself, who vacuum, have no user.
 */
async function isSeenInPart(session: Session, run: RegisteredRun): Promise<boolean> {
  const { rows } = await session.query<{ isSeen: boolean }>(
    `select exists (select from pg_stat_replication)
         or exists (select from pg_stat_activity
                    where datid = (select oid from pg_database where datname = current_database())
                      and pid <> pg_backend_pid() and usesysid is not null and backend_xmin is not null
                      and age(backend_xmin) >= (select min(age(xmin)) from ${stagingTable(run)})) as "isSeen"`,
  );
  return rows[0]?.isSeen !== false;
}

/** @param values what our own columns hold, by name */
function remake(
  place: string,
  { columns, constraints }: TableShape,
  further: readonly ColumnShape[],
  values: ReadonlyMap<string, string>,
): readonly string[] {
  // The value that a column is added with is kept once for all the rows that are there.
  const added = further.map(({ name, type, initial }) => {
    const value = values.get(name) ?? initial;
    return `add column ${quoteName(name)} ${type}${value === null ? "" : ` default ${value}`}`;
  });
  const defaults = columns
    .filter(({ name, initial }) => initial !== null || values.has(name))
    .map(({ name, initial }) =>
      initial === null
        ? `alter column ${quoteName(name)} drop default`
        : `alter column ${quoteName(name)} set default ${initial}`,
    );
  const changes = [
    `drop column ${quoteName(stagingColumns.attempt)}`,
    ...added,
    ...columns
      .filter(({ isNotNull }) => isNotNull)
      .map(({ name }) => `alter column ${quoteName(name)} set not null`),
    ...constraints.map(({ name, definition }) => `add constraint ${quoteName(name)} ${definition}`),
    "reset (autovacuum_enabled)",
  ];
  return [changes, defaults]
    .filter((one) => one.length > 0)
    .map((one) => `alter table ${place} ${one.join(", ")}`);
}

function comments(place: string, { columns, constraints }: TableShape): readonly string[] {
  return [
    ...columns.map(({ name, comment }) => ({ on: `column ${place}.${quoteName(name)}`, comment })),
    ...constraints.map(({ name, comment }) => ({ on: `constraint ${quoteName(name)} on ${place}`, comment })),
  ].flatMap(({ on, comment }) => (comment === null ? [] : [`comment on ${on} is ${quoteText(comment)}`]));
}
