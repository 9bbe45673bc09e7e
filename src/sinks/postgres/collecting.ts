/** Removes data that is no longer needed: staging of decided runs, and of superseded attempts. */
import type { Database } from "../../postgres/database.js";
import { quoteName } from "../../postgres/identifiers.js";
import type { Session } from "../../postgres/session.js";
import type { Collected } from "../sink.js";
import { type RegisteredRun, stagingColumns, stagingTable } from "./area.js";

interface StagedRun {
  readonly runId: string;
  readonly sequence: string;
  readonly outcome: "commit" | "abort" | null;
  readonly bytes: string;
  readonly attempts: readonly { readonly number: number; readonly id: string }[];
}

/** A zombie attempt may still be writing there: a table that is in use is left for the next collection. */
const lockTimeoutMs = 2000;

export async function collect(
  database: Database,
  target: string,
  liveAttempts: () => Promise<ReadonlySet<string>>,
  dryRun: boolean,
  givenUp: ReadonlySet<string>,
): Promise<Collected> {
  // Listed before the ledger is read: an attempt is in the ledger before it stages, so no live attempt is
  // taken for dead.
  const staged = await database.use((session) => stagedRuns(session, target), "listing what is staged");
  const live = await liveAttempts();
  const removed: string[] = [];
  let bytes = 0;
  for (const run of staged) {
    const { outcome } = run;
    if (outcome !== null || (dryRun && givenUp.has(run.runId))) {
      removed.push(stagingTable(run));
      bytes += Number(run.bytes);
      if (!dryRun && outcome !== null) await dropStaging(database, run, outcome);
      continue;
    }
    // If no attempt is known, the run may belong to another ledger. It stays until its decision.
    if (!run.attempts.some(({ id }) => live.has(id))) continue;
    const dead = run.attempts.filter(({ id }) => !live.has(id));
    const left = dead.length === 0 ? new Set() : await attemptsWithRows(database, run);
    const spent = dead.filter(({ number }) => left.has(number));
    for (const { id } of spent) removed.push(`${stagingTable(run)}, attempt ${id}`);
    if (!dryRun && spent.length > 0)
      await deleteRows(
        database,
        run,
        spent.map(({ number }) => number),
      );
  }
  return { removed, bytes };
}

async function stagedRuns(session: Session, target: string): Promise<readonly StagedRun[]> {
  const { rows } = await session.query<StagedRun>(
    `select r.run_id as "runId", r.sequence::text as sequence, p.outcome, coalesce(pg_total_relation_size(c.oid), 0) as bytes,
            coalesce((select json_agg(json_build_object('number', a.number, 'id', a.attempt_id))
                      from nightshift.attempts a where a.run = r.sequence and c.oid is not null), '[]') as attempts
     from nightshift.runs r
     left join nightshift.publications p on p.run = r.sequence
     join pg_class c on c.relname = 'staging_' || r.sequence and c.relnamespace = 'nightshift'::regnamespace
     where r.target = $1 order by r.sequence`,
    [target],
  );
  return rows;
}

/**
 * May be repeated. Also removes what an aborted run quarantined; rows of a published run stay for `errors`.
 */
export async function dropStaging(
  database: Database,
  run: Pick<RegisteredRun, "sequence">,
  outcome: "commit" | "abort",
): Promise<void> {
  const which = outcome === "commit" ? "and not accepted" : "";
  await database.transaction(
    async (session) => {
      await session.query(`drop table if exists ${stagingTable(run)}`);
      await session.query(
        `delete from nightshift.quarantine where attempt in (select number from nightshift.attempts where run = $1 ${which})`,
        [run.sequence],
      );
    },
    { lockTimeoutMs, doing: "clearing up what was staged" },
  );
}

async function attemptsWithRows(database: Database, run: StagedRun): Promise<ReadonlySet<number>> {
  const { rows } = await database.query<{ number: number }>(
    `select distinct ${quoteName(stagingColumns.attempt)} as number from ${stagingTable(run)}
     union select attempt from nightshift.quarantine where attempt = any($1::int[])`,
    [run.attempts.map(({ number }) => number)],
    "looking at what is staged",
  );
  return new Set(rows.map(({ number }) => number));
}

/** The record of the attempts stays: transactions with an old snapshot may still see their rows. */
async function deleteRows(database: Database, run: StagedRun, numbers: readonly number[]): Promise<void> {
  await database.transaction(
    async (session) => {
      await session.query(
        `delete from ${stagingTable(run)} where ${quoteName(stagingColumns.attempt)} = any($1::int[])`,
        [numbers],
      );
      await session.query("delete from nightshift.quarantine where attempt = any($1::int[])", [numbers]);
    },
    { lockTimeoutMs, doing: "clearing up what was staged" },
  );
}
