/**
 * The scoring loop: read a chunk, score it, write it, until the partition is complete; then stage. It runs
 * entirely in one thread of a worker host, and no large data leaves that thread.
 */

import { asNightshiftError, BugError, CancelledError, DataError } from "../errors.js";
import type { NotingRows, PartitionProgress } from "../host/host.js";
import { inputKind } from "../job/input.js";
import { type ReadSlice, type Receipt, type RowCounts, stagedOutput } from "../job/partition.js";
import type { PartitionTask } from "../job/plan.js";
import type { MappingFiles } from "../mapping/files/mapping-files.js";
import type { Predictor } from "../runtimes/model.js";
import type { SinkWriter, StagingSink } from "../sinks/sink.js";
import type { Source } from "../sources/source.js";
import type { Clock } from "../time/clock.js";
import { type HookSteps, noHooks } from "./hooks/hook-steps.js";
import { knownRows, refuseOverspent } from "./row-policy.js";
import { createScorer, type ScoredChunk } from "./score-chunk.js";
import { createStepTimer } from "./step-timer.js";
import { wholeBatches } from "./whole-batches.js";

export interface PartitionParts {
  readonly source: Source;
  readonly predictor: Predictor;
  /** Contents of the mapping's files as pinned by the plan. */
  readonly files: MappingFiles;
  readonly sink: StagingSink;
  /** The job's hooks; by default none. */
  readonly hooks?: HookSteps;
  readonly clock: Clock;
  /**
   * Expands templates with values that only a running partition has: `{{ run.id }}`, `{{ model.sha256 }}`.
   */
  readonly expand: (text: string) => string;
  readonly onProgress: (progress: PartitionProgress) => void;
  /** Digests of rows that kill a host: they fail without a model call. */
  readonly killers?: readonly string[];
  /** Wraps every model call; by default nothing is noted. */
  readonly noting?: NotingRows;
}

/**
 * Scores one partition and returns a receipt. On any error, what was written is discarded and the error is
 * rethrown.
 *
 * @param signal asks to stop; checked between chunks and between model calls
 * @throws CancelledError; DataError `data.row-failed`, `data.too-many-errors`, `data.row-count`; BugError
 * `bug.conservation`
 */
export async function runPartition(
  task: PartitionTask,
  attemptId: string,
  parts: PartitionParts,
  signal: AbortSignal,
): Promise<Receipt> {
  const { plan, partition } = task;
  const { source, predictor, files, sink, clock, expand, onProgress, hooks = noHooks } = parts;
  const timer = createStepTimer(clock);
  const { job, mapping, profile } = plan;
  const { batchRows } = profile;
  const scorer = createScorer({
    ...{ job, mapping, files, predictor, batchRows, expand, timer, hooks },
    trustsLabels: profile.engine === "compiled-trees",
    killers: new Set(parts.killers),
    ...(parts.noting === undefined ? {} : { noting: parts.noting }),
  });
  const tally = createTally(task);
  let bytesRead = 0;
  let rowsSent: number | null = null;
  const slices: ReadSlice[] = [];
  const request = {
    columns: mapping.reads,
    schema: plan.inputSchema,
    chunkRows: profile.chunkRows,
    onBytes: (bytes: number) => {
      bytesRead += bytes;
    },
    onSlice: (slice: ReadSlice) => {
      slices.push(slice);
    },
    onRowsSent: (rows: number) => {
      rowsSent = rows;
    },
  };

  const writer = await sink.openWriter(task, attemptId, scorer.schema);
  try {
    const read = source.read(partition, request, signal);
    for await (const chunk of job.rows === "dependent" ? wholeBatches(read, batchRows) : read) {
      if (signal.aborted) throw new CancelledError();
      timer.lap("read");
      const scored = await scorer.score(chunk, signal, writer.unfit);
      await write(writer, scored);
      timer.lap("write");
      tally.add(chunk.batch.numRows, scored);
      onProgress({ rows: tally.read, quarantined: tally.quarantined, step: timer.longest() });
    }
    if (signal.aborted) throw new CancelledError();
    const staged = await writer.stage();
    timer.lap("stage");
    return {
      ref: task.ref,
      attemptId,
      ...stagedOutput(staged),
      ...(rowsSent === null ? {} : { rowsSent }),
      ...(inputKind(job.input).hasExactRows(partition) ? { slices } : {}),
      rows: conserved(task, rowsSent, {
        read: tally.read,
        predicted: staged.rows,
        quarantined: staged.quarantined,
        filtered: tally.filtered,
      }),
      reasons: tally.reasons,
      stats: {
        seconds: timer.seconds,
        bytesRead,
        bytesWritten: staged.bytes,
        ...(tally.nanRows === 0 ? {} : { nanRows: tally.nanRows }),
        ...(tally.contradictions === 0 ? {} : { contradictions: tally.contradictions }),
      },
    };
  } catch (error) {
    await writer.discard();
    throw asNightshiftError(error);
  }
}

async function write(writer: SinkWriter, { predicted, quarantined }: ScoredChunk): Promise<void> {
  for (const rows of quarantined) await writer.quarantine(rows);
  if (predicted.batch.numRows > 0) await writer.write(predicted);
}

/** Counts rows, and stops a partition that exceeds the whole run's error budget by itself. */
function createTally({ plan }: PartitionTask) {
  const reasons: Record<string, number> = {};
  const totalRows = knownRows(plan.totals);
  const tally = {
    read: 0,
    quarantined: 0,
    filtered: 0,
    nanRows: 0,
    contradictions: 0,
    reasons,
    add(rows: number, scored: ScoredChunk): void {
      tally.read += rows;
      for (const { rowNumbers } of scored.quarantined) tally.quarantined += rowNumbers.length;
      tally.filtered += scored.filtered;
      tally.nanRows += scored.nanRows;
      tally.contradictions += scored.contradictions;
      for (const [code, count] of Object.entries(scored.reasons))
        reasons[code] = (reasons[code] ?? 0) + count;
      refuseOverspent(plan.job.rowPolicy, reasons, totalRows);
    },
  };
  return tally;
}

/**
 * Compares input rows, counted by the plan or the database and by the reader, with output rows, counted in
 * the staged data.
 */
function conserved({ plan, partition }: PartitionTask, rowsSent: number | null, rows: RowCounts): RowCounts {
  const kind = inputKind(plan.job.input);
  const isExact = kind.hasExactRows(partition);
  const { index } = partition;
  if (isExact && rows.read !== partition.rows)
    throw new DataError(
      "data.row-count",
      `partition ${index}: the footers promise ${partition.rows} rows, and ${rows.read} were read`,
      {
        hint: "the file contradicts itself: write it again",
        details: { partition: index, files: kind.slicesOf(partition).map((slice) => slice.file.path) },
      },
    );
  if (!isExact && rows.read !== rowsSent)
    throw new BugError(
      "bug.conservation",
      `partition ${index}: the database sent ${rowsSent ?? "an unknown number of"} rows, and ${rows.read} were read`,
      { details: { partition: index, rowsSent, ...rows } },
    );
  if (rows.read !== rows.predicted + rows.quarantined + rows.filtered)
    throw new BugError(
      "bug.conservation",
      `partition ${index}: ${rows.read} rows were read, but ${rows.predicted} predicted + ${rows.quarantined} quarantined + ${rows.filtered} filtered were staged`,
      { details: { partition: index, ...rows } },
    );
  return rows;
}
