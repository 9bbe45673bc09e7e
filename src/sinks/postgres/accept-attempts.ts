/**
 * Checks what a run staged, once more at its publication: no rows can be added any more, and all accepted
 * rows are present.
 */
import { InfraError } from "../../errors.js";
import type { Receipt } from "../../job/partition.js";
import { quoteName } from "../../postgres/identifiers.js";
import { orUndone } from "../../postgres/savepoint.js";
import type { Session } from "../../postgres/session.js";
import { type RegisteredRun, stagingColumns, stagingTable } from "./area.js";

export interface AcceptedRows {
  readonly rows: number;
  /** All of the run's attempts were accepted: no other attempt ever added or removed rows. */
  readonly isAll: boolean;
}

/** Marks the accepted attempts, after proving that all of their rows are present. */
export async function acceptAttempts(
  session: Session,
  run: RegisteredRun,
  receipts: readonly Receipt[],
): Promise<AcceptedRows> {
  const ids = receipts.map(({ attemptId }) => attemptId);
  await session.query(
    // Joined: before PostgreSQL 14 every attempt would be looked for in the whole list.
    `update nightshift.attempts a set accepted = not a.accepted
     from nightshift.attempts o left join unnest($2::text[]) told (attempt) on told.attempt = o.attempt_id
     where o.run = $1 and a.number = o.number and a.accepted <> (told.attempt is not null)`,
    [run.sequence, ids],
  );
  const table = stagingTable(run);
  const { rows: found } = await session.query<{ there: boolean; isAll: boolean }>(
    `select to_regclass($1) is not null as there,
            not exists (select from nightshift.attempts where run = $2 and not accepted) as "isAll"`,
    [table, run.sequence],
  );
  const [state] = found;
  if (state?.there !== true) throw stagedMissing(table, "the table is gone");
  const told = receipts.map(({ staged }) => staged?.rows ?? 0);
  await proveCounts(session, run, ids, told);
  return { rows: told.reduce((sum, rows) => sum + rows, 0), isAll: state.isAll };
}

async function proveCounts(
  session: Session,
  run: RegisteredRun,
  ids: readonly string[],
  told: readonly number[],
): Promise<void> {
  const table = stagingTable(run);
  const { rows } = await session.query<{ attempt: string; told: string; found: string }>(
    `select told.attempt, told.rows as told, coalesce(counted.rows, 0) as found
     from unnest($1::text[], $2::int8[]) told (attempt, rows)
     left join nightshift.attempts a on a.attempt_id = told.attempt and a.run = $3
     left join (select ${quoteName(stagingColumns.attempt)} as number, count(*) as rows from ${table} group by 1) counted
       on counted.number = a.number
     where a.number is null or told.rows <> coalesce(counted.rows, 0) limit 1`,
    [ids, told, run.sequence],
  );
  const [wrong] = rows;
  if (wrong !== undefined)
    throw stagedMissing(
      table,
      `attempt ${wrong.attempt} staged ${wrong.told} rows, and ${wrong.found} were found`,
    );
}

/**
 * Locks all others out of the run's staging table until the transaction ends. A zombie attempt that comes
 * later, or waits meanwhile, looks for the table by its name and no longer finds it.
 * @returns `false` if another session has the table open; this function does not wait for it
 */
export async function closeStaging(session: Session, run: RegisteredRun): Promise<boolean> {
  const locked = await orUndone(
    session,
    () => session.query(`lock table ${stagingTable(run)} in access exclusive mode nowait`),
    [isLocked, isMissing, isForbidden],
  );
  return locked !== null;
}

const isLocked = "55P03";
/** The missing table is reported when the rows are counted. */
const isMissing = "42P01";
/** The staging table belongs to another worker's role. */
const isForbidden = "42501";

function stagedMissing(table: string, what: string): InfraError {
  return new InfraError(
    "infra.staged-missing",
    `Rows staged in ${table} are missing, so nothing is published: ${what}.`,
    {
      hint: "Start over: nightshift run (or score) with --restart.",
    },
  );
}
