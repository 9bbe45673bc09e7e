/**
 * Turns the run's staging table into the new table, so that no row is written twice: if it contains exactly
 * the published rows, and equals the target except for the attempt's number. If in doubt, rows are copied.
 *
 * Rows that were staged before the publishing transaction may be visible to a snapshot that was taken during
 * staging: for a reader with such a snapshot, the promoted table would contain a part of the run, whereas a
 * copy is empty.
 */
import { quoteName, quoteText } from "../../../postgres/identifiers.js";
import { orUndone } from "../../../postgres/savepoint.js";
import type { Session } from "../../../postgres/session.js";
import { type RegisteredRun, stagingColumns, stagingTable } from "../area.js";
import { inArea, type Move, ownValues } from "./move.js";
import { type ColumnShape, shapeOf, type TableShape } from "./table-shape.js";

/**
 * @param name its new name in the schema `nightshift`; without indexes, grants and comment
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
  // Errors of class 23 are nulls and check violations: the copy fails on them too, with an error that names
  // the target table.
  const done = await orUndone(session, () => session.query(statements.join(";\n")), ["23"]);
  return done !== null;
}

/**
 * Returns the target's columns that follow the staged ones: those of Nightshift and those that are not
 * written; `null` if the tables differ.
 */
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
 * Whether any session has a snapshot from before the last row was staged, or might have one on a standby,
 * where this cannot be checked. Later snapshots see the whole run. The server's own workers, such as vacuum,
 * have no user.
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

/** @param values values for the columns of Nightshift, by name */
function remake(
  place: string,
  { columns, constraints }: TableShape,
  further: readonly ColumnShape[],
  values: ReadonlyMap<string, string>,
): readonly string[] {
  // The server stores the default of an added column once for all existing rows.
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
