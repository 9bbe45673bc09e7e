import type { RecordBatch } from "apache-arrow";
import type { Job } from "../../job/job.js";
import type { Profile } from "../../job/profile.js";
import type { MappingFiles } from "../../mapping/files/mapping-files.js";
import type { Mapping } from "../../mapping/mapping.js";
import type { Predictor } from "../../runtimes/model.js";
import { createScorer } from "../score-chunk.js";
import { createStepTimer } from "../step-timer.js";

export interface FirstRows {
  readonly job: Job;
  readonly mapping: Mapping;
  readonly files: MappingFiles;
  readonly predictor: Predictor;
  readonly profile: Profile;
}

/**
 * Scores the first rows for a `post` hook, without writing them; `null` if none can be scored. Rows that fail
 * are dropped regardless of the job's policy, which only applies to the run.
 * @param batch with the columns that `pre` adds
 */
export async function scoreFirstRows(
  { job, mapping, files, predictor, profile }: FirstRows,
  batch: RecordBatch,
  signal: AbortSignal,
): Promise<RecordBatch | null> {
  const scorer = createScorer({
    job: { ...job, rowPolicy: { onRowError: "quarantine", maxErrorRows: null, maxErrorFraction: null } },
    mapping,
    files,
    predictor,
    batchRows: profile.batchRows,
    // Values that only a run has are not known yet, so the templates themselves are used as text.
    expand: (text) => text,
    timer: createStepTimer({ monotonicMs: () => 0 }),
  });
  const { predicted } = await scorer.score({ batch, origin: { file: "", firstRow: 0 } }, signal);
  return predicted.batch.numRows === 0 ? null : predicted.batch;
}
