/** Scores the first rows of a job, and shows the first rows of files; in the worker host, writing nothing. */

import { jsonRows } from "../data/arrow/json-rows.js";
import type { Chunk } from "../data/chunk.js";
import { unreadablePart } from "../data/column.js";
import type { JsonValue } from "../errors.js";
import type { Format } from "../formats/format.js";
import type { Compared, HostCalls, Preview, PreviewCall, RowsTable } from "../host/host.js";
import { inputKind } from "../job/input.js";
import type { Partition } from "../job/partition.js";
import { hookSteps } from "../scoring/hooks/hook-steps.js";
import { previewRows } from "../scoring/preview-rows.js";
import { singleRows } from "../scoring/single-rows.js";
import { wholeBatches } from "../scoring/whole-batches.js";
import type { Source, SourceReadRequest } from "../sources/source.js";
import type { Store } from "../stores/store.js";
import { type CheckParts, checkPredictions } from "./check-predictions.js";
import { compareInput } from "./compare-input.js";
import { openExpected } from "./expected-file.js";
import { expectedNulls } from "./expected-nulls.js";
import { lateExpansion } from "./late-expansion.js";
import { prepareJob, settle } from "./planner.js";
import type { PlannerParts } from "./prepared-job.js";

/** No run exists for a preview; `{{ run.id }}` shows as this. */
const previewRunId = "preview";

export async function previewJob(
  { job, guess, limit, expect, trial = "rows" }: PreviewCall,
  parts: PlannerParts,
  signal: AbortSignal,
): Promise<Preview> {
  const { source, runtime, clock } = parts;
  const prepared = await prepareJob(job, guess, parts, { signal, showValues: true });
  const partitions: Partition[] = [];
  const request = {
    columns: prepared.mapping.reads,
    partitionRows: job.limits.partitionRows,
    minPartitions: 1,
    pathTypes: prepared.pathTypes,
  };
  for await (const partition of source.plan(request, signal)) partitions.push(partition);
  const first = partitions.find(({ rows }) => rows > 0) ?? null;
  const settled = await settle(prepared, parts, first, signal, { trial });
  const { mapping, hooks, profile } = settled;
  if (expect !== undefined) {
    const compared = await compare(expect, { prepared, settled, parts, trial }, partitions, signal);
    return { columns: [], rows: [], mapping, notes: prepared.notes, compared };
  }
  const { warnings } = await expectedNulls({
    ...{ source, mapping, schema: prepared.schema, rowPolicy: job.rowPolicy },
    totals: { rows: partitions.reduce((sum, { rows }) => sum + rows, 0) },
  });
  const chunkRows = job.rows === "dependent" ? profile.chunkRows : Math.max(limit, 1);
  const reading = { columns: mapping.reads, schema: prepared.schema, chunkRows };
  const isDependent = job.rows === "dependent";
  const chunks = chunksOf(source, partitions, reading, isDependent ? profile.batchRows : null, signal);
  const predictor = await runtime.load(prepared.model.assets, profile);
  try {
    const shown = await previewRows(
      {
        job,
        mapping,
        files: prepared.files,
        predictor,
        batchRows: profile.batchRows,
        clock,
        expand: lateExpansion(previewRunId, prepared.model.assets),
        hooks: hookSteps({ job, inputSchema: prepared.schema, mapping, hooks }, prepared.loaded),
        limit,
      },
      trial === "each" && !isDependent ? singleRows(chunks, parts.noteRow) : chunks,
      signal,
    );
    return { ...shown, notes: [...warnings, ...prepared.notes] };
  } finally {
    await predictor.close();
  }
}

async function compare(
  expect: NonNullable<PreviewCall["expect"]>,
  checked: CheckParts,
  partitions: readonly Partition[],
  signal: AbortSignal,
): Promise<Compared> {
  const { prepared, settled, parts } = checked;
  const { file } = expect;
  const opened = await openExpected(file, parts, signal);
  if (expect.rows === "own") {
    const own = { file, key: [], absent: 0, scored: opened.rows, compared: opened.rows };
    return { ...own, ...(await checkPredictions(expect, opened, checked, signal)) };
  }
  const { profile, mapping } = settled;
  const request = { columns: mapping.reads, schema: prepared.schema, chunkRows: profile.chunkRows };
  const rows = partitions.every((partition) => inputKind(prepared.job.input).hasExactRows(partition))
    ? partitions.reduce((sum, partition) => sum + partition.rows, 0)
    : null;
  const chunks = chunksOf(parts.source, partitions, request, null, signal);
  return compareInput(expect, opened, checked, { chunks, rows }, signal);
}

async function* chunksOf(
  source: Source,
  partitions: readonly Partition[],
  request: SourceReadRequest,
  dependentBatchRows: number | null,
  signal: AbortSignal,
): AsyncGenerator<Chunk> {
  for (const partition of partitions) {
    const chunks = source.read(partition, request, signal);
    yield* dependentBatchRows === null ? chunks : wholeBatches(chunks, dependentBatchRows);
  }
}

/** The first rows of files of one schema, in their order. */
export async function readRows(
  { from, limit }: HostCalls["read-rows"]["request"],
  { store, format }: { readonly store: Store; readonly format: Format },
  signal: AbortSignal,
): Promise<RowsTable> {
  const rows: (readonly JsonValue[])[] = [];
  let columns: readonly string[] = [];
  for (const path of from) {
    signal.throwIfAborted();
    if (rows.length >= limit) break;
    const handle = await store.open(path);
    try {
      const summary = await format.inspect(handle);
      columns = summary.schema.filter(({ type }) => unreadablePart(type) === null).map(({ name }) => name);
      const reader = await format.openReader(handle, summary);
      const request = { rowGroupStart: 0, rowGroupEnd: summary.rowGroups.length, columns, batchRows: 1024 };
      try {
        for await (const batch of reader.read(request)) {
          rows.push(...jsonRows(batch, limit - rows.length));
          if (rows.length >= limit) break;
        }
      } finally {
        await reader.close();
      }
    } finally {
      await handle.close();
    }
  }
  return { columns, rows };
}
