/** Scores chunks as a run would, publishes nothing, and compares what comes out. */
import type { RecordBatch } from "apache-arrow";
import type { Chunk } from "../data/chunk.js";
import type { NoteRow } from "../host/host.js";
import type { Job } from "../job/job.js";
import type { Profile } from "../job/profile.js";
import type { MappingFiles } from "../mapping/files/mapping-files.js";
import type { BoundColumn, InputBinding, Mapping } from "../mapping/mapping.js";
import type { Predictor } from "../runtimes/model.js";
import { type HookSteps, noHooks } from "../scoring/hooks/hook-steps.js";
import type { Reasons } from "../scoring/row-policy.js";
import { createScorer } from "../scoring/score-chunk.js";
import { singleRows } from "../scoring/single-rows.js";
import { createStepTimer } from "../scoring/step-timer.js";
import { wholeBatches } from "../scoring/whole-batches.js";
import type { Clock } from "../time/clock.js";
import type { ColumnComparison, RowPair } from "./comparing/compare-columns.js";

export interface ScoringParts {
  readonly job: Job;
  readonly mapping: Mapping;
  readonly files: MappingFiles;
  readonly predictor: Predictor;
  readonly profile: Profile;
  /** A `post` hook is not called: it may drop rows. */
  readonly hooks: HookSteps;
  readonly clock: Clock;
  /** Scores row by row and notes each row. */
  readonly noteRow?: NoteRow | undefined;
}

/**
 * @param pairsOf pairs the rows of a chunk with what is expected of them
 * @returns rows that could not be scored, by reason: their predictions are null
 */
export async function compareScored(
  parts: ScoringParts,
  chunks: AsyncIterable<Chunk>,
  comparison: ColumnComparison,
  pairsOf: (predicted: RecordBatch, chunk: Chunk) => Iterable<RowPair>,
  signal: AbortSignal,
): Promise<Reasons> {
  const { job, mapping, files, predictor, profile, hooks, clock, noteRow } = parts;
  const { batchRows } = profile;
  const scorer = createScorer({
    job: { ...job, rowPolicy: { onRowError: "emit_null", maxErrorRows: null, maxErrorFraction: null } },
    mapping: { ...mapping, inputs: mapping.inputs.map(nullingRejected) },
    files,
    predictor,
    batchRows,
    expand: (text) => text,
    timer: createStepTimer(clock),
    hooks: { ...hooks, post: noHooks.post },
  });
  const reasons: Record<string, number> = {};
  const independent = noteRow === undefined ? chunks : singleRows(chunks, noteRow);
  for await (const chunk of job.rows === "dependent" ? wholeBatches(chunks, batchRows) : independent) {
    const scored = await scorer.score(chunk, signal);
    comparison.add(scored.predicted.batch, pairsOf(scored.predicted.batch, chunk));
    for (const [reason, rows] of Object.entries(scored.reasons))
      reasons[reason] = (reasons[reason] ?? 0) + rows;
  }
  return reasons;
}

/** Rows that a job rejects stay in their places, without predictions. */
function nullingRejected(binding: InputBinding): InputBinding {
  const keep = (column: BoundColumn): BoundColumn =>
    column.nulls === "reject" ? { ...column, nulls: "error" } : column;
  switch (binding.kind) {
    case "columns":
      return { ...binding, columns: binding.columns.map(keep) };
    case "list":
      return { ...binding, column: keep(binding.column) };
    default:
      return binding;
  }
}
