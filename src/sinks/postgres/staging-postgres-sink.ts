/**
 * The worker's half: rows are copied into the run's logged staging table under the attempt's own number, and
 * counted there. Each chunk is a COPY of its own, so that no COPY stays open between chunks; no data is sent
 * twice.
 */
import { columnOf } from "../../data/arrow-types.js";
import type { Schema } from "../../data/column.js";
import { DataError, InfraError } from "../../errors.js";
import type { Format } from "../../formats/format.js";
import { type ConnectionUrl, tableText } from "../../job/connection.js";
import type { PartitionTask } from "../../job/plan.js";
import { quoteName } from "../../postgres/identifiers.js";
import { type ErrorPlace, postgresError } from "../../postgres/postgres-errors.js";
import { endSession, openSession, type Session } from "../../postgres/session.js";
import type { SinkWriter, Staged, StagingSink, UnfitRow } from "../sink.js";
import {
  ensureStaging,
  findTarget,
  registerAttempt,
  registerRun,
  stagedColumns,
  stagingColumns,
  stagingGone,
  stagingTable,
  stagingTarget,
} from "./area.js";
import { refuseMissing } from "./check-target.js";
import { readVectorTypes } from "./columns/vector-types.js";
import { type WrittenColumns, writtenColumns } from "./columns/written-columns.js";
import { copyIn } from "./copy/copy-in.js";
import { quarantineColumns, quarantinePieces } from "./copy/quarantine-rows.js";
import { copyRows, element } from "./copy/rows.js";
import { unfitRows } from "./copy/unfit-rows.js";
import { ownSettings } from "./own-settings.js";
import type { PostgresWrite } from "./postgres-write.js";
import { type QuarantineDirectory, type StagedQuarantine, stageQuarantine } from "./quarantine-files.js";

export interface StagingPostgresSinkOptions {
  readonly url: ConnectionUrl;
  readonly write: PostgresWrite;
  /** Directory for quarantined rows beside the database; `null`: none. */
  readonly quarantine: { readonly directory: QuarantineDirectory; readonly format: Format } | null;
}

/** How long an attempt waits for a session that has locked the whole target. */
const lockTimeoutMs = 30_000;

export function stagingPostgresSink({ url, write, quarantine }: StagingPostgresSinkOptions): StagingSink {
  const place: ErrorPlace = { address: url.address, doing: `staging rows for ${tableText(write.table)}` };
  return {
    async openWriter(task, attemptId, columns) {
      const session = await openSession(url, { role: "sink" });
      try {
        const attempt = await beginAttempt(session, write, task, attemptId, columns.fields.map(columnOf));
        const files =
          quarantine === null
            ? null
            : stageQuarantine(quarantine.directory, quarantine.format, task, attemptId);
        return attemptWriter(session, attempt, files, place);
      } catch (thrown) {
        await endSession(session);
        throw stagingGone(thrown) ?? postgresError(thrown, place);
      }
    },
  };
}

interface Attempt {
  readonly number: number;
  /** Quoted. */
  readonly table: string;
  /** The table with the columns that COPY fills. */
  readonly into: string;
  readonly written: WrittenColumns;
  /** Whether instants are rounded to microseconds. */
  readonly rounds: boolean;
  /** The table's last block when the attempt began: its rows are nearly always at or after it. */
  readonly firstBlock: number;
}

async function beginAttempt(
  session: Session,
  write: PostgresWrite,
  task: PartitionTask,
  attemptId: string,
  schema: Schema,
): Promise<Attempt> {
  // Rows of an accepted attempt must be on the disk by then.
  await session.query(
    "select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'",
  );
  await ownSettings(session, lockTimeoutMs);
  const target = await findTarget(session, write.table);
  if (target.table === null && !write.create) throw refuseMissing(write);
  const vectors = await readVectorTypes(session);
  const shape = { layout: write.layout, tableName: target.text, vectors };
  const run = await registerRun(session, target.text, task.run);
  await ensureStaging(session, run, writtenColumns(schema, target.table, shape), {
    target: target.table,
    mode: write.mode,
  });
  // The run's first attempt decided the column types of a table to be created: extensions may change
  // meanwhile.
  const written = writtenColumns(schema, await stagedColumns(session, run), shape);
  const { partition, epoch } = task.ref;
  const number = await registerAttempt(session, run, { id: attemptId, partition, epoch });
  const table = stagingTable(run);
  const { rows } = await session.query<{ blocks: string }>(
    "select pg_relation_size($1::regclass) / current_setting('block_size')::int8 as blocks",
    [table],
  );
  const firstBlock = Math.max(0, Number(rows[0]?.blocks ?? 0) - 1);
  const rounds = write.timestamps === "round";
  return { number, table, into: stagingTarget(run, written), written, rounds, firstBlock };
}

interface Counted {
  readonly rows: number;
  readonly predicted: number;
  readonly quarantined: number;
}

function attemptWriter(
  session: Session,
  attempt: Attempt,
  files: StagedQuarantine | null,
  place: ErrorPlace,
): SinkWriter {
  const { number, table, into, written, rounds, firstBlock } = attempt;
  const isAttempt = `${quoteName(stagingColumns.attempt)} = ${number}`;
  const sent = { rows: 0, quarantined: 0, bytes: 0 };

  async function copy(to: string, pieces: Iterable<Buffer>): Promise<number> {
    return copyIn(session, to, counted(pieces)).catch((thrown: unknown) => {
      throw stagingGone(thrown) ?? postgresError(thrown, place);
    });
  }

  function* counted(pieces: Iterable<Buffer>): Iterable<Buffer> {
    for (const piece of pieces) {
      sent.bytes += piece.length;
      yield piece;
    }
  }

  /** @param where condition on the rows to count */
  async function count(where: string): Promise<Counted> {
    const predictions =
      written.exploded === null
        ? "count(*)"
        : `count(*) filter (where ${quoteName(stagingColumns.element)} <= ${element.first})`;
    const { rows } = await session.query<{ rows: string; predicted: string; quarantined: string }>(
      `select count(*) as rows, ${predictions} as predicted,
              (select count(*) from nightshift.quarantine where attempt = ${number}) as quarantined
       from ${table} where ${isAttempt} and ${where}`,
    );
    const [found] = rows;
    return {
      rows: Number(found?.rows),
      predicted: Number(found?.predicted),
      quarantined: Number(found?.quarantined),
    };
  }

  async function stage(): Promise<Staged> {
    // An index for this would cost time for every row; the whole table is scanned only if this finds too few
    // rows.
    const near = await count(`ctid >= '(${firstBlock},0)'`);
    const { rows, predicted, quarantined } = near.rows === sent.rows ? near : await count("true");
    if (rows !== sent.rows || quarantined !== sent.quarantined)
      throw miscounted(place.address, sent.rows, rows);
    await endSession(session);
    return {
      files: [],
      quarantine: (await files?.finish()) ?? [],
      staged: { table, rows },
      rows: predicted,
      quarantined,
      bytes: sent.bytes,
    };
  }

  return {
    unfit: (batch) => unfitRows(batch, written, rounds),
    async write({ batch }) {
      // Columns that a `post` hook added have not been checked yet.
      const [refused] = unfitRows(batch, written, rounds);
      if (refused !== undefined) throw misfitRow(refused);
      sent.rows += await copy(into, copyRows(batch, written, number));
    },
    async quarantine(rows) {
      if (rows.rowNumbers.length === 0) return;
      sent.quarantined += await copy(quarantineColumns, quarantinePieces(rows, number));
      await files?.write(rows);
    },
    stage: () =>
      stage().catch((thrown: unknown) => {
        throw stagingGone(thrown) ?? postgresError(thrown, place);
      }),
    async discard() {
      await files?.discard();
      await session
        .query(`delete from ${table} where ${isAttempt}`)
        .then(() => session.query(`delete from nightshift.quarantine where attempt = ${number}`))
        .catch(() => undefined);
      await endSession(session);
    },
  };
}

function misfitRow({ column, message }: UnfitRow): DataError {
  return new DataError("data.database-value", `${message}.`, {
    hint: "Change the value in the `post` hook, or leave the column out.",
    details: { column },
  });
}

function miscounted(address: string, sent: number, found: number): InfraError {
  return new InfraError(
    "infra.staged-missing",
    `${address}: ${sent} rows were staged, and ${found} were found.`,
    {
      hint: "Check the server's log; the partition is retried.",
    },
  );
}
