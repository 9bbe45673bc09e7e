/**
 * The single transaction in which a run becomes visible: decide, lock the target, prove the counts, move the
 * rows, settle.
 *
 * ```
 * insert into publications … on conflict do nothing ──no row──> read the winner
 *   │ decided by this transaction, if it commits
 *   ├─ lock the target's row            no other run is published there meanwhile
 *   ├─ close the staging table          if it may become the target; without waiting
 *   ├─ counts by attempt = receipts'    else nothing is published
 *   ├─ move the rows                    of accepted attempts only
 *   └─ commit ──no answer──> repeat from the top: the insert waits for the lost transaction, then shows its result
 * ```
 */
import { BugError, InfraError, SpecError } from "../../errors.js";
import type { Receipt } from "../../job/partition.js";
import type { Run } from "../../job/run.js";
import { findTable } from "../../postgres/catalogue.js";
import type { Session } from "../../postgres/session.js";
import { type Decision, keptForRollback, type PublicationDetails } from "../sink.js";
import { acceptAttempts, closeStaging } from "./accept-attempts.js";
import { refuseAltered } from "./altered-target.js";
import { findTarget, type RegisteredRun, stagingColumns } from "./area.js";
import { refuseWithoutOwn } from "./check-target.js";
import { attach } from "./moving/attach.js";
import { chooseMethod } from "./moving/choose-method.js";
import { addKey, makeTable } from "./moving/make-table.js";
import type { Move, Moved, StagedRun } from "./moving/move.js";
import {
  append,
  fill,
  insertAll,
  refuseRows,
  refuseTwice,
  rewrite,
  rewriteValues,
  swap,
  upsert,
} from "./moving/moves.js";
import type { PostgresWrite } from "./postgres-write.js";
import { publishQuarantine } from "./quarantine.js";
import { decide, decisionOn, lockTarget, newerThan, publishedOf, settle, supersede } from "./record.js";
import { dropUndo } from "./undo.js";

export interface PublishRequest {
  readonly write: PostgresWrite;
  readonly run: Run;
  readonly registered: RegisteredRun;
  /** The target's name in the sink's record. */
  readonly target: string;
  readonly fingerprint: string;
  readonly receipts: readonly Receipt[];
  readonly details: PublicationDetails | undefined;
  /** How long a statement waits for a lock that others hold on the target. */
  readonly lockTimeoutMs: number;
  /** Called with a message while sessions that use the target are waited for. */
  readonly onWait: (text: string) => void;
}

export async function publishIn(session: Session, request: PublishRequest): Promise<Decision> {
  const { write, run, registered, target, fingerprint, receipts, details, lockTimeoutMs } = request;
  const publication = await decide(session, target, registered, "commit", fingerprint);
  if (publication === null) return winner(session, target, run.id);
  await session.query(`set local lock_timeout = ${lockTimeoutMs}; set local datestyle = 'ISO'`);
  // Enough to sort two million keys of eight bytes in memory.
  await atLeast(session, "work_mem", "64MB");
  await atLeast(session, "maintenance_work_mem", "256MB");
  const head = await lockTarget(session, target);
  const before = await publishedOf(session, target, run.key.jobId, run.key.scope);
  refuseOlderGeneration(run, before);
  // A staging table that may become the whole table must not receive further rows.
  const isClosed = (write.create || write.mode === "replace") && (await closeStaging(session, registered));
  const accepted = await acceptAttempts(session, registered, receipts);

  const move = await prepare(session, request, {
    publication,
    superseded: before.map(({ sequence }) => sequence),
    rows: accepted.rows,
    isClosed: isClosed && accepted.isAll,
  });
  const isWhole = replacesAll(write, run);
  if (isWhole) await refuseOlder(session, target, registered, run.id);
  const moved = await moveRows(move, run);
  await supersede(session, target, publication, isWhole ? "all" : run.key);
  await publishQuarantine(session, write, run, registered);
  await settle(session, target, {
    publication,
    mode: write.mode,
    method: moved.method,
    beneath: head,
    undo: moved.undo,
    details: {
      rows: moved.rows,
      columns: details?.columns ?? null,
      modelSha256: details?.modelSha256 ?? null,
      ...(moved.changes === undefined ? {} : { changes: moved.changes }),
    },
  });
  await forgetOlderUndos(session, target, publication);
  const { changes } = moved;
  return {
    outcome: "commit",
    publication: Number(publication),
    ...(changes === undefined ? {} : { changes }),
  };
}

/** Raises a size setting for this transaction. */
async function atLeast(session: Session, setting: string, size: string): Promise<void> {
  await session.query(
    "select set_config($1, $2, true) where pg_size_bytes(current_setting($1)) < pg_size_bytes($2)",
    [setting, size],
  );
}

export async function winner(session: Session, target: string, runId: string): Promise<Decision> {
  const decision = await decisionOn(session, target, runId);
  if (decision === null)
    throw new BugError("bug.no-decision", `${runId} was decided, and its record is gone.`);
  return decision;
}

/** Whether no earlier row remains. */
export function replacesAll({ mode, partitionBy }: PostgresWrite, run: Pick<Run, "interval">): boolean {
  return mode === "replace" && (run.interval === null || partitionBy.length === 0);
}

type Prepared = Pick<Move, "publication" | "superseded"> & Omit<StagedRun, "oid">;

async function prepare(
  session: Session,
  { write, registered, target: text, lockTimeoutMs, onWait }: PublishRequest,
  { publication, superseded, rows, isClosed }: Prepared,
): Promise<Move> {
  const staging = await findTable(session, { schema: "nightshift", name: `staging_${registered.sequence}` });
  const own: readonly string[] = Object.values(stagingColumns);
  const staged = (staging?.columns ?? []).filter(({ name }) => !own.includes(name));
  const target = await findTarget(session, write.table);
  if (target.text !== text)
    throw new InfraError("infra.conflict", `${text} now names another table: ${target.text}.`);
  const isMade = target.table === null;
  if (target.table !== null) {
    refuseAltered(text, target.table, staged);
    refuseWithoutOwn(write, target.table);
  }
  const table = target.table ?? (await makeTable(session, target, write, staged));
  return {
    session,
    write,
    table,
    run: registered,
    staging: { oid: staging?.oid ?? 0, rows, isClosed },
    publication,
    columns: staged.map(({ name }) => name),
    isExploded: staging?.columns.some(({ name }) => name === stagingColumns.element) ?? false,
    superseded,
    isMade,
    waits: { purpose: "publishing", limitMs: lockTimeoutMs, onWait },
  };
}

async function moveRows(move: Move, run: Run): Promise<Moved> {
  const { session, table, write, isMade } = move;
  if (isMade) {
    if (write.mode === "upsert") await refuseTwice(move);
    const moved = await fill(move);
    // One sort at the end costs a third of maintaining an index with every row.
    await addKey(move, run);
    return moved;
  }
  const { kind } = await chooseMethod(session, table, write, run.interval !== null);
  switch (kind) {
    case "insert":
      await refuseRows(move);
      return insertAll(move);
    case "append":
      return append(move);
    case "upsert":
      return upsert(move);
    case "swap":
      return swap(move);
    case "values":
      return rewriteValues(move);
    case "attach":
      return attach(move);
    case "rewrite":
      return rewrite(move);
  }
}

function refuseOlderGeneration(
  run: Run,
  before: readonly { readonly runId: string; readonly generation: number }[],
): void {
  const newer = before.find(({ generation }) => generation > run.key.generation);
  if (newer === undefined) return;
  throw new SpecError(
    "refused.newer-generation",
    `run ${run.id} (generation ${run.key.generation}) is older than what is published for the same job and interval: ` +
      `run ${newer.runId} (generation ${newer.generation})`,
    { hint: "Run it again with --reprocess to publish a newer generation." },
  );
}

async function refuseOlder(
  session: Session,
  target: string,
  registered: RegisteredRun,
  runId: string,
): Promise<void> {
  const newer = await newerThan(session, target, registered);
  if (newer === null) return;
  throw new SpecError(
    "refused.newer-publication",
    `${target} holds what run ${newer} published, which is newer than ${runId}: an older run never replaces it`,
    { hint: "Write to another table, or replace parts only: `partition_by`." },
  );
}

/** Drops the rollback data of old publications to free its space. */
async function forgetOlderUndos(session: Session, target: string, publication: string): Promise<void> {
  const { rows } = await session.query<{ publication: string; undo: Moved["undo"] }>(
    `select publication, undo from nightshift.publications
     where target = $1 and undo is not null and rolled_back_at is null and publication <> $2
     order by publication desc offset ${keptForRollback - 1}`,
    [target, publication],
  );
  for (const { publication: old, undo } of rows) {
    if (undo !== null) await dropUndo(session, undo);
    await session.query("update nightshift.publications set undo = null where publication = $1", [old]);
  }
}
