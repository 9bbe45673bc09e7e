/** The sink's record: the decision on each run, the publication that readers see, and the one beneath it. */

import type { RowChanges } from "../../job/partition.js";
import type { Session } from "../../postgres/session.js";
import type { Decision, Publication } from "../sink.js";
import type { RegisteredRun } from "./area.js";

const live = "p.outcome = 'commit' and p.superseded_by is null and p.rolled_back_at is null";

/** Returns the decision on one run of a target; `null` if there is none yet. */
export async function decisionOn(session: Session, target: string, runId: string): Promise<Decision | null> {
  const { rows } = await session.query<{
    outcome: Decision["outcome"];
    publication: string;
    hidden: boolean;
    changes: RowChanges | null;
  }>(
    `select p.outcome, p.publication, p.rolled_back_at is not null as hidden, p.details -> 'changes' as changes
     from nightshift.publications p join nightshift.runs r on r.sequence = p.run
     where r.target = $1 and r.run_id = $2`,
    [target, runId],
  );
  const [found] = rows;
  if (found === undefined) return null;
  return {
    outcome: found.outcome,
    publication: Number(found.publication),
    ...(found.hidden ? { rolledBack: true } : {}),
    ...(found.changes === null ? {} : { changes: found.changes }),
  };
}

/**
 * Decides the run, unless it is decided. A concurrent call waits here for the first one's transaction.
 * @returns the publication's number; `null` if the run was decided before
 */
export async function decide(
  session: Session,
  target: string,
  run: RegisteredRun,
  outcome: Decision["outcome"],
  fingerprint: string,
): Promise<string | null> {
  const { rows } = await session.query<{ publication: string }>(
    `insert into nightshift.publications (run, target, outcome, fingerprint) values ($1, $2, $3, $4)
     on conflict (run) do nothing returning publication`,
    [run.sequence, target, outcome, fingerprint],
  );
  return rows[0]?.publication ?? null;
}

/**
 * Prevents other publications to the target until the transaction ends. @returns the publication that readers
 * see
 */
export async function lockTarget(session: Session, target: string): Promise<string | null> {
  // Only an existing row can be locked.
  await session.query("insert into nightshift.targets (target) values ($1) on conflict do nothing", [target]);
  const { rows } = await session.query<{ head: string | null }>(
    "select head from nightshift.targets where target = $1 for update",
    [target],
  );
  return rows[0]?.head ?? null;
}

interface LivePublication extends Publication {
  readonly sequence: string;
}

export async function publishedOf(
  session: Session,
  target: string,
  jobId: string,
  scope: string,
): Promise<readonly LivePublication[]> {
  const { rows } = await session.query<LivePublication & { readonly publication: string }>(
    `select p.publication, r.run_id as "runId", r.generation, p.fingerprint, r.sequence::text as sequence,
            to_char(p.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at
     from nightshift.publications p join nightshift.runs r on r.sequence = p.run
     where p.target = $1 and r.job_id = $2 and r.scope = $3 and ${live} order by p.publication desc`,
    [target, jobId, scope],
  );
  return rows.map((row) => ({ ...row, publication: Number(row.publication) }));
}

/** Returns a live publication of a run whose rows are valid for a later time. */
export async function newerThan(
  session: Session,
  target: string,
  run: RegisteredRun,
): Promise<string | null> {
  const { rows } = await session.query<{ run: string }>(
    `select r.run_id as run from nightshift.publications p join nightshift.runs r on r.sequence = p.run
     where p.target = $1 and ${live} and (r.as_of, r.sequence) > ($2::timestamptz, $3::bigint)
     order by r.as_of desc limit 1`,
    [target, run.asOf, run.sequence],
  );
  return rows[0]?.run ?? null;
}

export interface Committed {
  readonly publication: string;
  readonly mode: string;
  readonly method: string;
  readonly beneath: string | null;
  readonly undo: unknown;
  readonly details: unknown;
}

/** Completes the publication's row, and makes it the one that readers see. */
export async function settle(session: Session, target: string, done: Committed): Promise<void> {
  const { publication, mode, method, beneath, undo, details } = done;
  await session.query(
    `update nightshift.publications set mode = $2, method = $3, beneath = $4, undo = $5, details = $6, at = clock_timestamp()
     where publication = $1`,
    [
      publication,
      mode,
      method,
      beneath,
      undo === null ? null : JSON.stringify(undo),
      JSON.stringify(details),
    ],
  );
  await session.query("update nightshift.targets set head = $2 where target = $1", [target, publication]);
}

/** @param of which publications it supersedes: all, or those of a job and scope */
export async function supersede(
  session: Session,
  target: string,
  publication: string,
  of: "all" | { readonly jobId: string; readonly scope: string },
): Promise<void> {
  const own = of === "all" ? [] : [of.jobId, of.scope];
  await session.query(
    `update nightshift.publications p set superseded_by = $2 from nightshift.runs r
     where r.sequence = p.run and p.target = $1 and p.publication <> $2 and ${live}
       ${of === "all" ? "" : "and r.job_id = $3 and r.scope = $4"}`,
    [target, publication, ...own],
  );
}
