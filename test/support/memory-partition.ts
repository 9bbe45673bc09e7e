/** A partition in memory: chunks of Arrow batches in, Arrow IPC out, counted again from what was written. */
import { type RecordBatch, type Schema, Table, tableFromIPC, tableToIPC } from "apache-arrow";
import type { QuarantinedRows } from "../../src/data/chunk.js";
import type { Signature } from "../../src/data/tensor.js";
import type { Job } from "../../src/job/job.js";
import type { PartitionTask } from "../../src/job/plan.js";
import { defaultWriterProfile } from "../../src/job/profile.js";
import type { Mapping } from "../../src/mapping/mapping.js";
import type { SinkWriter, StagingSink } from "../../src/sinks/sink.js";
import type { FilesPartition } from "../../src/sources/files/files-input.js";
import type { PostgresPartition, RowRange } from "../../src/sources/postgres/postgres-input.js";
import type { Source } from "../../src/sources/source.js";
import { plain } from "./arrow-batches.js";

export const inputFile = "/data/input.parquet";

/**
 * A source over one batch, in chunks. Every chunk's buffers are overwritten before the next one is handed out, as a
 * decoder's memory is.
 *
 * @param rowsSent what the source says that the database sent; a source of files says nothing
 */
export function memorySource(
  batch: RecordBatch,
  chunkRows: number,
  rowsSent?: number,
): Source & { readonly reads: number } {
  const source = {
    reads: 0,
    schema: () => Promise.reject(new Error("not asked for")),
    async *plan() {},
    async *read(_partition: unknown, request: Parameters<Source["read"]>[1], signal: AbortSignal) {
      source.reads++;
      for (let start = 0; start < batch.numRows; start += chunkRows) {
        signal.throwIfAborted();
        const ipc = tableToIPC(new Table(batch.schema, [batch.slice(start, start + chunkRows)]));
        const [chunk] = tableFromIPC(ipc).batches;
        if (chunk === undefined) throw new Error("no batch");
        request.onBytes?.(ipc.byteLength);
        yield { batch: chunk.select([...request.columns]), origin: { file: inputFile, firstRow: start } };
        ipc.fill(0xa5);
      }
      if (rowsSent !== undefined) request.onRowsSent?.(rowsSent);
    },
  };
  return source;
}

export interface MemorySink extends StagingSink {
  readonly events: string[];
  readonly quarantined: QuarantinedRows[];
  /** Rows written, by column, as Arrow's own reader sees them. */
  values(): { readonly [column: string]: readonly unknown[] };
}

/** @param lose rows that staging "forgets", to show that the rows are counted */
export function memorySink(lose = 0): MemorySink {
  const events: string[] = [];
  const quarantined: QuarantinedRows[] = [];
  const parts: Uint8Array[] = [];
  let schema: Schema | null = null;
  const writer: SinkWriter = {
    async write({ batch }) {
      parts.push(tableToIPC(new Table(batch.schema, [batch])));
    },
    async quarantine(rows) {
      quarantined.push(rows);
    },
    async stage() {
      events.push("stage");
      const rows = parts.reduce((sum, part) => sum + tableFromIPC(part).numRows, 0) - lose;
      const bytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
      const aside = quarantined.reduce((sum, { rowNumbers }) => sum + rowNumbers.length, 0);
      return { files: [], quarantine: [], rows, quarantined: aside, bytes };
    },
    async discard() {
      events.push("discard");
    },
  };
  return {
    events,
    quarantined,
    async openWriter(_task, _attemptId, columns) {
      schema = columns;
      events.push("open");
      return writer;
    },
    values() {
      const names = schema?.fields.map(({ name }) => name) ?? [];
      const tables = parts.map((part) => tableFromIPC(part));
      return Object.fromEntries(
        names.map((name) => [name, tables.flatMap((table) => [...(table.getChild(name) ?? [])].map(plain))]),
      );
    },
  };
}

export interface TaskParts {
  readonly job: Job;
  readonly mapping: Mapping;
  readonly signature: Signature;
  readonly rows: number;
  readonly batchRows: number;
  /** Rows of the whole run; the partition's own unless told. */
  readonly totalRows?: number;
  /** `rows` is the estimate of a database. */
  readonly isEstimate?: boolean;
}

export function partitionTask({
  job: asked,
  mapping,
  signature,
  rows,
  batchRows,
  totalRows = rows,
  isEstimate = false,
}: TaskParts): PartitionTask {
  const ref = { runId: "run-1", partition: 0, epoch: 1 };
  const job: Job = isEstimate ? { ...asked, input: { ...asked.input, kind: "postgres" } } : asked;
  const exact: FilesPartition = { index: 0, rows, bytes: 0, peakBytes: 0, slices: [] };
  const range: RowRange = { identity: "a table", by: { kind: "whole" }, snapshot: null, copy: null };
  const estimated: PostgresPartition = { index: 0, rows, bytes: 0, peakBytes: 0, range };
  return {
    ref,
    run: {
      id: "run-1",
      key: { jobId: "job", scope: "all", generation: 1 },
      jobName: "job",
      specPath: null,
      target: "/out",
      trigger: "library",
      interval: null,
      job,
      guess: false,
      createdAt: "2026-01-01T00:00:00Z",
    },
    plan: {
      version: 1,
      job,
      fingerprint: "0",
      assets: [],
      signature,
      inputSchema: [],
      mapping,
      hooks: [],
      profile: {
        engine: "onnxruntime",
        engineVersion: "test",
        provider: "cpu",
        intraOpThreads: 1,
        chunkRows: 100,
        batchRows,
        writer: defaultWriterProfile,
      },
      threads: 1,
      totals: {
        files: isEstimate ? 0 : 1,
        partitions: 1,
        rows: totalRows,
        ...(isEstimate ? { rowsEstimated: true } : {}),
        bytes: 0,
      },
      notes: [],
    },
    partition: isEstimate ? estimated : exact,
  };
}
