import { jsonRows } from "../data/arrow/json-rows.js";
import type { Chunk } from "../data/chunk.js";
import type { JsonValue } from "../errors.js";
import type { Preview } from "../host/host.js";
import type { Job } from "../job/job.js";
import type { MappingFiles } from "../mapping/files/mapping-files.js";
import type { Mapping } from "../mapping/mapping.js";
import type { Predictor } from "../runtimes/model.js";
import type { Clock } from "../time/clock.js";
import type { HookSteps } from "./hooks/hook-steps.js";
import { createScorer } from "./score-chunk.js";
import { createStepTimer } from "./step-timer.js";

export interface PreviewOptions {
  readonly job: Job;
  readonly mapping: Mapping;
  readonly files: MappingFiles;
  readonly predictor: Predictor;
  readonly batchRows: number;
  readonly clock: Clock;
  readonly expand: (text: string) => string;
  readonly hooks?: HookSteps;
  /** Rows wanted. */
  readonly limit: number;
}

/**
 * Scores the first rows and writes nothing. Under `on_row_error: fail`, a row that fails ends the preview as
 * it would end a run; otherwise it is shown with null predictions, even if a run would quarantine it. Rows
 * that the job rejects are omitted.
 */
export async function previewRows(
  options: PreviewOptions,
  chunks: AsyncIterable<Chunk>,
  signal: AbortSignal,
): Promise<Omit<Preview, "notes">> {
  const { job, mapping, predictor, limit } = options;
  const { rowPolicy } = job;
  const scorer = createScorer({
    ...options,
    job: {
      ...job,
      rowPolicy: rowPolicy.onRowError === "fail" ? rowPolicy : { ...rowPolicy, onRowError: "emit_null" },
    },
    predictor,
    timer: createStepTimer(options.clock),
  });
  const rows: (readonly JsonValue[])[] = [];
  if (limit > 0)
    for await (const chunk of chunks) {
      // Rows that influence one another are scored with their whole batch.
      const head =
        job.rows === "dependent" ? chunk : { ...chunk, batch: chunk.batch.slice(0, limit - rows.length) };
      const { predicted } = await scorer.score(head, signal);
      rows.push(...jsonRows(predicted.batch, limit - rows.length));
      if (rows.length >= limit) break;
    }
  return { columns: mapping.columns.map(({ name }) => name), rows, mapping };
}
