/**
 * Scores one chunk: binds and predicts it batch by batch, applies the policy to rows that fail, and attaches
 * the outputs.
 */
import type { Schema as ArrowSchema } from "apache-arrow";
import { arrowSchema } from "../data/arrow-types.js";
import { type Chunk, placeOf, type QuarantinedRows } from "../data/chunk.js";
import type { NotingRows } from "../host/host.js";
import type { Job } from "../job/job.js";
import type { MappingFiles } from "../mapping/files/mapping-files.js";
import { fetchedOutputs, type Mapping } from "../mapping/mapping.js";
import type { Predictor } from "../runtimes/model.js";
import type { SinkWriter, UnfitRow } from "../sinks/sink.js";
import { createAttacher } from "./attach-outputs.js";
import { createBinder } from "./bind-inputs.js";
import { contradictionCounter } from "./contradictions.js";
import { type HookSteps, noHooks } from "./hooks/hook-steps.js";
import { withoutKillers } from "./killing-rows.js";
import { createRowPredictor } from "./predict-rows.js";
import type { Failure } from "./row-failures.js";
import { judge, type RowFailure, refuseFailure } from "./row-policy.js";
import type { StepTimer } from "./step-timer.js";

export interface ScorerOptions {
  readonly job: Pick<Job, "input" | "rowPolicy" | "rows">;
  readonly mapping: Mapping;
  readonly files: MappingFiles;
  readonly predictor: Predictor;
  /** Number of rows in a model call. */
  readonly batchRows: number;
  readonly expand: (text: string) => string;
  readonly timer: StepTimer;
  /** The job's hooks; by default none. */
  readonly hooks?: HookSteps;
  /** Labels need not be compared with probabilities, because the engine derives them from those. */
  readonly trustsLabels?: boolean;
  /** Digests of rows for which the model is not called: see {@link withoutKillers}. */
  readonly killers?: ReadonlySet<string>;
  /** Wraps every model call; by default nothing is noted. */
  readonly noting?: NotingRows;
}

export interface Scorer {
  /** Schema of the output. */
  readonly schema: ArrowSchema;
  /** @throws DataError `data.row-failed` under `on_row_error: fail`; ModelError if the model is broken */
  score(chunk: Chunk, signal: AbortSignal, unfit?: SinkWriter["unfit"]): Promise<ScoredChunk>;
}

export interface ScoredChunk {
  /** Valid until the next chunk is scored. */
  readonly predicted: Chunk;
  /** One part for each source file of the rows. */
  readonly quarantined: readonly QuarantinedRows[];
  /** Number of rows that a `post` hook dropped. */
  readonly filtered: number;
  /** Number of predicted rows with a NaN among the predictions. */
  readonly nanRows: number;
  /** Quarantined and nulled rows, by reason code. */
  readonly reasons: { readonly [code: string]: number };
  /** Number of rows whose label is clearly not the most probable class. */
  readonly contradictions: number;
}

export function createScorer(options: ScorerOptions): Scorer {
  const { job, mapping, files, predictor, batchRows, timer, hooks = noHooks } = options;
  const { killers = new Set(), noting = (_rows, call) => call() } = options;
  /** Number of rows in earlier chunks. */
  let rowsBefore = 0;
  const key = job.input.key;
  const binder = createBinder(mapping.inputs, batchRows, files);
  const rows = createRowPredictor(predictor, {
    outputs: fetchedOutputs(mapping.outputs),
    isDependent: job.rows === "dependent",
  });
  const contradictionsIn = options.trustsLabels === true ? null : contradictionCounter(predictor.signature);
  let contradictions = 0;
  const attacher = createAttacher(hooks.beforePost(mapping), key, options.expand, files);

  return {
    schema: arrowSchema(mapping.columns),
    async score(read, signal, unfit) {
      const chunk = { ...read, batch: await hooks.pre(read.batch) };
      timer.lap("hook");
      const failures = await predictBatches(chunk, signal);
      const judged = judge(failures, job.rowPolicy);
      const { nulled } = judged;
      const first = attacher.attach(chunk.batch, rowsOf(nulled), rowsOf(judged.quarantined));
      const unstored = unfit === undefined ? [] : unfitFailures(unfit(first), judged.quarantined);
      refuseFirst(unstored, chunk);
      const unstoredRows = new Set(rowsOf(unstored));
      const quarantined = [...judged.quarantined, ...unstored].sort((a, b) => a.row - b.row);
      const attached =
        unstored.length === 0 ? first : attacher.attach(chunk.batch, rowsOf(nulled), rowsOf(quarantined));
      timer.lap("attach");
      const { batch, filtered } = await hooks.post(attached);
      timer.lap("hook");
      const scored = {
        predicted: { batch, origin: chunk.origin },
        filtered,
        nanRows: countNan(failures),
        quarantined: setAside(chunk, quarantined),
        reasons: countReasons([...failures.filter(({ row }) => !unstoredRows.has(row)), ...unstored]),
        contradictions,
      };
      timer.lap("attach");
      return scored;
    },
  };

  /** A failed row contains a copy of another row's prediction, so it is not counted. */
  function countNan(failures: readonly RowFailure[]): number {
    const uncertain = attacher.outputs.uncertain();
    return uncertain.size - failures.filter(({ row }) => uncertain.has(row)).length;
  }

  async function predictBatches(chunk: Chunk, signal: AbortSignal): Promise<readonly RowFailure[]> {
    const { batch } = chunk;
    const bind = binder.open(batch);
    const failures: RowFailure[] = [];
    attacher.outputs.begin(batch);
    contradictions = 0;
    for (let start = 0; start < batch.numRows; start += batchRows) {
      const end = Math.min(start + batchRows, batch.numRows);
      const bound = withoutKillers(bind(start, end), end - start, killers);
      timer.lap("bind");
      refuseFirst(inChunk(bound.failures, start), chunk);
      const place = placeOf(chunk, start);
      const { outputs, failures: failed } = await noting(
        { from: rowsBefore + start, to: rowsBefore + end, digest: null },
        () => rows.predict(bound, end - start, place, signal),
      );
      timer.lap("predict");
      const failedRows = inChunk(failed, start);
      refuseFirst(failedRows, chunk);
      failures.push(...failedRows);
      if (outputs !== null) {
        attacher.outputs.collect(start, end - start, outputs);
        contradictions += contradictionsIn?.(outputs, end - start, failed) ?? 0;
      }
      timer.lap("attach");
    }
    rowsBefore += batch.numRows;
    return failures;
  }

  function refuseFirst(failed: readonly RowFailure[], chunk: Chunk): void {
    for (const failure of failed) {
      const { file, firstRow } = placeOf(chunk, failure.row);
      refuseFailure(failure, job.rowPolicy, { file, row: firstRow, key });
    }
  }

  function setAside(chunk: Chunk, failures: readonly RowFailure[]): readonly QuarantinedRows[] {
    const files = new Map<string, RowFailure[]>();
    for (const failure of failures) {
      const { file } = placeOf(chunk, failure.row);
      const own = files.get(file);
      if (own === undefined) files.set(file, [failure]);
      else own.push(failure);
    }
    return [...files].map(([file, own]) => ({
      key: attacher.keys(chunk.batch, rowsOf(own)),
      file,
      rowNumbers: own.map(({ row }) => placeOf(chunk, row).firstRow),
      reasons: own.map(({ reason }) => reason),
      messages: own.map(({ message }) => message),
    }));
  }
}

/** Converts row numbers of an output, from which some rows were removed, to row numbers of the chunk. */
function unfitFailures(unfit: readonly UnfitRow[], left: readonly RowFailure[]): readonly RowFailure[] {
  if (unfit.length === 0) return [];
  const gone = rowsOf(left);
  let passed = 0;
  return unfit.map(({ row, message }) => {
    while (passed < gone.length && (gone[passed] ?? 0) <= row + passed) passed++;
    return { row: row + passed, reason: "unfit_value", message };
  });
}

/** Converts a batch's failures to row numbers of its chunk, in order. */
function inChunk(failures: ReadonlyMap<number, Failure>, start: number): readonly RowFailure[] {
  return [...failures]
    .map(([row, failure]) => ({ row: start + row, ...failure }))
    .sort((a, b) => a.row - b.row);
}

function rowsOf(failures: readonly RowFailure[]): readonly number[] {
  return failures.map(({ row }) => row);
}

function countReasons(failures: readonly RowFailure[]): { readonly [code: string]: number } {
  const reasons: Record<string, number> = {};
  for (const { reason } of failures) reasons[reason] = (reasons[reason] ?? 0) + 1;
  return reasons;
}
