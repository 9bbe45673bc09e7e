/** What went wrong in a run: failed partitions, and quarantined rows by reason. */

import type { ErrorRecord, JsonValue } from "../errors.js";
import type { RowsTable } from "../host/host.js";
import { placeOf } from "../job/output.js";
import type { PartitionState, PartitionStatus } from "../job/partition.js";
import type { RunState } from "../job/run.js";
import type { Sink } from "../sinks/sink.js";
import type { App } from "./context.js";
import { runFor } from "./run-status.js";

export interface ErrorReport {
  readonly state: RunState;
  readonly reasons: readonly ReasonGroup[];
  /** Partitions that are not accepted, with what went wrong last. */
  readonly failures: readonly {
    readonly partition: number;
    readonly status: PartitionStatus;
    readonly attempts: number;
    readonly error: ErrorRecord;
  }[];
  readonly quarantineFiles: readonly string[];
  /** Where quarantined rows are that are no files. */
  readonly quarantineTable: string | null;
}

export interface ReasonGroup {
  readonly reason: string;
  /** As accepted receipts counted them. */
  readonly rows: number;
  readonly partitions: readonly { readonly partition: number; readonly rows: number }[];
  readonly samples: readonly QuarantinedRow[];
}

export interface QuarantinedRow {
  readonly reason: string;
  readonly message: string;
  readonly file: string;
  /** Zero-based. */
  readonly row: JsonValue;
  /** The job's key columns. */
  readonly key: { readonly [column: string]: JsonValue };
}

/** Columns of a quarantine file that are Nightshift's own; all others are the key. */
const ownColumns = ["file", "row_number", "reason", "message"];

export function quarantinedRow(columns: readonly string[], row: readonly JsonValue[]): QuarantinedRow {
  const values = Object.fromEntries(columns.map((column, index) => [column, row[index] ?? null]));
  return {
    reason: String(values.reason ?? "unknown"),
    message: String(values.message ?? ""),
    file: String(values.file ?? ""),
    row: values.row_number ?? null,
    key: Object.fromEntries(Object.entries(values).filter(([column]) => !ownColumns.includes(column))),
  };
}

/** Most rows first. */
export function groupReasons(
  partitions: readonly PartitionState[],
  rows: readonly QuarantinedRow[],
  samples: number,
): readonly ReasonGroup[] {
  const byReason = new Map<string, { partition: number; rows: number }[]>();
  for (const { index, receipt } of partitions)
    for (const [reason, number] of Object.entries(receipt?.reasons ?? {})) {
      const places = byReason.get(reason) ?? [];
      places.push({ partition: index, rows: number });
      byReason.set(reason, places);
    }
  return [...byReason]
    .map(([reason, places]) => ({
      reason,
      rows: places.reduce((sum, place) => sum + place.rows, 0),
      partitions: places,
      samples: rows.filter((row) => row.reason === reason).slice(0, samples),
    }))
    .sort((a, b) => b.rows - a.rows || a.reason.localeCompare(b.reason));
}

/** Number of quarantined rows that are read for samples. Counts come from the ledger and cover all rows. */
const rowsRead = 1000;

/**
 * Returns what went wrong in a run: its failed partitions, and its quarantined rows by reason.
 *
 * @param samples rows for each reason
 * @throws SpecError `usage.no-runs`, `usage.unknown-run`, `usage.ambiguous-run`
 */
export async function errorReport(
  app: App,
  given: string | undefined,
  samples: number,
): Promise<ErrorReport> {
  const ledger = await app.ledger();
  const state = await runFor(ledger, given);
  const partitions: PartitionState[] = [];
  for await (const partition of ledger.listPartitions(state.run.id)) partitions.push(partition);

  const { write } = state.run.job;
  const sink = await app.sink(write);
  const files = state.status === "published" ? await sink.quarantineFiles(state.run.id) : [];
  const table = await quarantined(app, sink, state, files, samples);
  const rows = (table?.rows ?? []).map((row) => quarantinedRow(table?.columns ?? [], row));
  const place = placeOf(write);
  return {
    state,
    reasons: groupReasons(partitions, rows, samples),
    failures: partitions.flatMap(({ index, status, attempts, lastError }) =>
      lastError === null || status === "accepted"
        ? []
        : [{ partition: index, status, attempts, error: lastError }],
    ),
    quarantineFiles: files,
    quarantineTable: place.is === "table" && rows.length > 0 ? place.quarantine : null,
  };
}

/** The first quarantined rows, from files or from a database. */
async function quarantined(
  app: App,
  sink: Sink,
  { run, status }: RunState,
  files: readonly string[],
  samples: number,
): Promise<RowsTable | null> {
  if (samples === 0 || status !== "published") return null;
  if (files.length === 0) return sink.quarantinedRows(run.id, rowsRead);
  return (await app.host()).call("read-rows", { from: files, limit: rowsRead });
}
