/**
 * The one transaction in which a run becomes visible: decide, lock the target, prove the counts, move the rows, settle.
 *
 * ```
 * insert into publications … on conflict do nothing ──no row──> read the winner
 *   │ decided by us, if we commit
 *   ├─ lock the target's row            nobody else publishes there
 *   ├─ counts by attempt = receipts'    else nothing is published
 *   ├─ move the rows                    accepted attempts' only
 *   └─ commit ──no answer──> again from the top: the insert waits for our own lost transaction, then tells
 * ```
 */
import { BugError, InfraError, SpecError } from "../../errors.js";
import type { PostgresWrite } from "../../job.js";
import type { Receipt } from "../../partition.js";
import { findTable, type Table } from "../../postgres/catalogue.js";
import { quoteName, quoteNames, quoteTable } from "../../postgres/identifiers.js";
import type { Session } from "../../postgres/session.js";
import type { Run } from "../../run.js";
import { type Decision, keptForRollback, type PublicationDetails } from "../../sink.js";
import { refuseAltered } from "./altered-target.js";
import { findTarget, type RegisteredRun, stagingColumns, stagingTable, type Target } from "./area.js";
import { refuseWithoutOwn } from "./check-target.js";
import { ownColumns } from "./columns/written-columns.js";
import { madeKey } from "./made-key.js";
import { attach } from "./moving/attach.js";
import { chooseMethod } from "./moving/choose-method.js";
import type { Move, Moved } from "./moving/move.js";
import {
  append,
  insertAll,
  refuseRows,
  refuseTwice,
  rewrite,
  rewriteValues,
  swap,
  upsert,
} from "./moving/moves.js";
import { publishQuarantine } from "./quarantine.js";
import { decide, decisionOn, lockTarget, newerThan, publishedOf, settle, supersede } from "./record.js";
import { dropUndo } from "./undo.js";

export interface PublishRequest {
  readonly write: PostgresWrite;
  readonly run: Run;
  readonly registered: RegisteredRun;
  /** The record's name of the target. */
  readonly target: string;
  readonly fingerprint: string;
  readonly receipts: readonly Receipt[];
  readonly details: PublicationDetails | undefined;
  /** How long a statement waits for a lock that others hold on the target. */
  readonly lockTimeoutMs: number;
}

export async function publishIn(session: Session, request: PublishRequest): Promise<Decision> {
  const { write, run, registered, target, fingerprint, receipts, details, lockTimeoutMs } = request;
  const publication = await decide(session, target, registered, "commit", fingerprint);
  if (publication === null) return winner(session, target, run.id);
  await session.query(`set local lock_timeout = ${lockTimeoutMs}; set local datestyle = 'ISO'`);
  await session.query(
    "select set_config('work_mem', '64MB', true) where pg_size_bytes(current_setting('work_mem')) < 64 * 1024 * 1024",
  );
  const head = await lockTarget(session, target);
  const before = await publishedOf(session, target, run.key.jobId, run.key.scope);
  refuseOlderGeneration(run, before);
  await acceptAttempts(session, registered, receipts);

  const move = await prepare(
    session,
    request,
    publication,
    before.map(({ sequence }) => sequence),
  );
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
    },
  });
  await forgetOlderUndos(session, target, publication);
  return { outcome: "commit", publication: Number(publication) };
}

export async function winner(session: Session, target: string, runId: string): Promise<Decision> {
  const decision = await decisionOn(session, target, runId);
  if (decision === null)
    throw new BugError("bug.no-decision", `${runId} was decided, and its record is gone.`);
  return decision;
}

/** Whether nothing of what was there stays. */
export function replacesAll({ mode, partitionBy }: PostgresWrite, run: Pick<Run, "interval">): boolean {
  return mode === "replace" && (run.interval === null || partitionBy.length === 0);
}

/** Marks the attempts whose rows count, after proving that all of these are there. */
async function acceptAttempts(
  session: Session,
  run: RegisteredRun,
  receipts: readonly Receipt[],
): Promise<void> {
  const ids = receipts.map(({ attemptId }) => attemptId);
  await session.query(
    "update nightshift.attempts set accepted = attempt_id = any($2::text[]) where run = $1 and accepted <> (attempt_id = any($2::text[]))",
    [run.sequence, ids],
  );
  const table = stagingTable(run);
  const { rows: found } = await session.query<{ there: boolean }>(
    "select to_regclass($1) is not null as there",
    [table],
  );
  if (found[0]?.there !== true) throw stagedMissing(table, "the table is gone");
  const { rows } = await session.query<{ attempt: string; told: string; found: string }>(
    `select told.attempt, told.rows as told, coalesce(counted.rows, 0) as found
     from unnest($1::text[], $2::int8[]) told (attempt, rows)
     left join nightshift.attempts a on a.attempt_id = told.attempt and a.run = $3
     left join (select ${quoteName(stagingColumns.attempt)} as number, count(*) as rows from ${table} group by 1) counted
       on counted.number = a.number
     where a.number is null or told.rows <> coalesce(counted.rows, 0) limit 1`,
    [ids, receipts.map(({ staged }) => staged?.rows ?? 0), run.sequence],
  );
  const [wrong] = rows;
  if (wrong !== undefined)
    throw stagedMissing(
      table,
      `attempt ${wrong.attempt} staged ${wrong.told} rows, and ${wrong.found} are there`,
    );
}

function stagedMissing(table: string, what: string): InfraError {
  return new InfraError(
    "infra.staged-missing",
    `What was staged in ${table} is not all there, so nothing is published: ${what}.`,
    {
      hint: "Start the run anew with --restart.",
    },
  );
}

async function prepare(
  session: Session,
  { write, registered, target: text }: PublishRequest,
  publication: string,
  superseded: readonly string[],
): Promise<Move> {
  const staging = await findTable(session, { schema: "nightshift", name: `staging_${registered.sequence}` });
  const own: readonly string[] = Object.values(stagingColumns);
  const staged = (staging?.columns ?? []).filter(({ name }) => !own.includes(name));
  const target = await findTarget(session, write.table);
  if (target.text !== text)
    throw new InfraError("infra.conflict", `${text} is another table now: ${target.text}.`);
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
    publication,
    columns: staged.map(({ name }) => name),
    isExploded: staging?.columns.some(({ name }) => name === stagingColumns.element) ?? false,
    superseded,
    isMade,
  };
}

async function makeTable(
  session: Session,
  target: Target,
  write: PostgresWrite,
  columns: Table["columns"],
): Promise<Table> {
  if (!write.create)
    throw new InfraError("infra.conflict", `${target.text} is gone.`, { hint: "Make it again, then retry." });
  const own =
    write.mode === "append"
      ? [`${ownColumns.run} bigint`]
      : write.mode === "upsert"
        ? [`${ownColumns.run} bigint`, `${ownColumns.asOf} timestamptz`]
        : [];
  const all = [...columns.map(({ name, type }) => `${quoteName(name)} ${type}`), ...own];
  // Room for the next version of each row on its own page: replacing all rows then takes half the time, and the index
  // stays as it is. Without it the table grows to that size at its first upsert.
  const options = write.mode === "upsert" ? " with (fillfactor = 50)" : "";
  await session.query(`create table ${quoteTable(target.name)} (${all.join(", ")})${options}`);
  const made = await findTable(session, target.name);
  if (made === null) throw new BugError("bug.table-not-made", `${target.text} was made and is not there.`);
  return made;
}

async function moveRows(move: Move, run: Run): Promise<Moved> {
  const { session, table, write, isMade } = move;
  if (isMade) {
    if (write.mode === "upsert") await refuseTwice(move);
    const moved = await insertAll(move, "create");
    // One sort at the end costs a third of an index that grows with every row.
    await addKey(move, run);
    return moved;
  }
  const { kind } = await chooseMethod(session, table, write, run.interval !== null);
  switch (kind) {
    case "insert":
      await refuseRows(move);
      return insertAll(move, "insert");
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

async function addKey({ session, table, write, isExploded }: Move, run: Run): Promise<void> {
  const place = quoteTable(table.name);
  const key = madeKey(write, { isInterval: run.interval !== null, isExploded });
  if (key !== null)
    await session.query(
      key.isPrimary
        ? `alter table ${place} add primary key (${quoteNames(key.columns)})`
        : `create index on ${place} (${quoteNames(key.columns)})`,
    );
  if (write.mode === "append") await session.query(`create index on ${place} (${quoteName(ownColumns.run)})`);
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

/** What went out of the table long ago is given up, so that its space comes free. */
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
