/**
 * Calls the model on bound rows, and finds the rows that it fails on.
 *
 * The shape of a batch never depends on which rows fail: rows that cannot be scored and rows that are not
 * being tested are overwritten with copies of other rows. So a row's prediction does not depend on its
 * neighbours (DESIGN: Determinism).
 */

import type { Tensors } from "../data/tensor.js";
import { CancelledError, ModelError } from "../errors.js";
import type { Predictor } from "../runtimes/model.js";
import type { BoundRows } from "./bind-inputs.js";
import { bisect } from "./bisect.js";
import { type Failure, predictFailure } from "./row-failures.js";
import { arrangeRows, substituted, tiled, zeroRow } from "./tensors/arrange-rows.js";

/** Number of rows that are tried alone to distinguish a broken model from bad rows. */
const sampleRows = 8;

export interface RowPredictor {
  /**
   * @param rows number of bound rows
   * @throws ModelError `model.predict-failed` if no row passes: then the rows are not the cause
   */
  predict(bound: BoundRows, rows: number, place: BatchPlace, signal: AbortSignal): Promise<PredictedRows>;
  /**
   * Calls the model for these rows alone, repeated to fill a batch of the same shape.
   * @returns the cause of the failure; `null` on success
   */
  only(
    bound: BoundRows,
    rows: number,
    trial: readonly number[],
    signal: AbortSignal,
  ): Promise<ModelError | null>;
}

/** Origin of a batch, for messages. */
export interface BatchPlace {
  readonly file: string;
  readonly firstRow: number;
}

export interface PredictedRows {
  /** Outputs for all rows, including failed ones; `null` if none passed. */
  readonly outputs: Tensors | null;
  /** Faults of binding and of predicting, by row. */
  readonly failures: ReadonlyMap<number, Failure>;
}

export interface RowPredictorOptions {
  /** The requested outputs; by default all of the model's. */
  readonly outputs?: readonly string[];
  /** Rows influence one another: a batch that fails is not searched for a bad row. */
  readonly isDependent?: boolean;
}

export function createRowPredictor(
  predictor: Predictor,
  { outputs, isDependent = false }: RowPredictorOptions = {},
): RowPredictor {
  /** A row that the model has scored before: proof that it works if all rows of a batch fail. */
  let scoredBefore: Tensors | null = null;

  return {
    async predict(bound, rows, place, signal) {
      const failures = new Map(bound.failures);
      const attempts = createAttempts(predictor, outputs, bound.tensors, rows, signal);
      const first = await attempts.allBut(failures);
      if (first.cause === null) {
        if (first.outputs !== null)
          scoredBefore ??= arrangeRows(bound.tensors, [firstPassing(rows, failures)]);
        return { outputs: first.outputs, failures };
      }
      if (isDependent) throw failsWhole(rows, first.cause, place);
      const suspects = range(rows).filter((row) => !failures.has(row));
      if (!(await modelWorks(attempts, suspects, scoredBefore)))
        throw fails("on every row that was tried", first.cause, place);
      const bad = await bisect(suspects, async (trial) => (await attempts.only(trial)).cause);
      for (const [row, cause] of bad) failures.set(row, predictFailure(cause.message));
      const rest = await attempts.allBut(failures);
      if (rest.cause !== null) throw fails("on rows together that it takes one by one", rest.cause, place);
      return { outputs: rest.outputs, failures };
    },

    async only(bound, rows, trial, signal) {
      return (await createAttempts(predictor, outputs, bound.tensors, rows, signal).only(trial)).cause;
    },
  };
}

interface Attempt {
  /** `null` if there was no row to call the model for, or if the call failed. */
  readonly outputs: Tensors | null;
  readonly cause: ModelError | null;
}

/** Ways to call the model with one batch, all with tensors of the same shape. */
interface Attempts {
  /** All rows at their positions, with a passing row in place of each failed one. */
  allBut(failed: ReadonlyMap<number, unknown>): Promise<Attempt>;
  /** These rows alone, repeated. */
  only(rows: readonly number[]): Promise<Attempt>;
  /** One row from another batch, repeated. */
  stranger(row: Tensors): Promise<Attempt>;
  /** Zeros and empty texts. */
  zeros(): Promise<Attempt>;
}

function createAttempts(
  predictor: Predictor,
  wanted: readonly string[] | undefined,
  tensors: Tensors,
  rows: number,
  signal: AbortSignal,
): Attempts {
  return {
    async allBut(failed) {
      if (failed.size === 0) return attempt(tensors);
      if (failed.size === rows) return { outputs: null, cause: null };
      return attempt(arrangeRows(tensors, substituted(rows, failed, firstPassing(rows, failed))));
    },
    only: (trial) => attempt(arrangeRows(tensors, tiled(trial, rows))),
    stranger: (row) => attempt(arrangeRows(row, tiled([0], rows))),
    zeros: () => attempt(arrangeRows(zeroRows(tensors), tiled([0], rows))),
  };

  async function attempt(inputs: Tensors): Promise<Attempt> {
    if (signal.aborted) throw new CancelledError();
    try {
      return { outputs: await predictor.predict(inputs, wanted), cause: null };
    } catch (error) {
      if (!(error instanceof ModelError) || error.code !== "model.predict-failed") throw error;
      return { outputs: null, cause: error };
    }
  }
}

/**
 * Checks that the model works, because a broken model must not quarantine a whole table. It works if it
 * scores one row of a sample, a row that it scored before or, if the sample was all rows, a row of zeros.
 */
async function modelWorks(
  attempts: Attempts,
  suspects: readonly number[],
  scoredBefore: Tensors | null,
): Promise<boolean> {
  const sample = spread(suspects, sampleRows);
  for (const row of sample) if ((await attempts.only([row])).cause === null) return true;
  if (scoredBefore !== null && (await attempts.stranger(scoredBefore)).cause === null) return true;
  return sample.length === suspects.length && (await attempts.zeros()).cause === null;
}

function fails(when: string, cause: ModelError, { file, firstRow }: BatchPlace): ModelError {
  return new ModelError(
    "model.predict-failed",
    `the model fails ${when}, in ${file} from row ${firstRow}: ${cause.message}`,
    {
      hint: "check that the columns feed the right inputs: `nightshift inspect` shows the model's inputs",
      details: { ...cause.details, file, row: firstRow },
      cause,
    },
  );
}

function failsWhole(rows: number, cause: ModelError, { file, firstRow }: BatchPlace): ModelError {
  return new ModelError(
    "model.predict-failed",
    `the model fails on a batch of ${rows} rows, in ${file} from row ${firstRow}: ${cause.message}`,
    {
      hint: "under `rows: dependent` no single row is the cause: remove the rows that the model cannot process, or change limits.batch_rows",
      details: { ...cause.details, file, row: firstRow },
      cause,
    },
  );
}

function firstPassing(rows: number, failed: ReadonlyMap<number, unknown>): number {
  let row = 0;
  while (row < rows - 1 && failed.has(row)) row++;
  return row;
}

function zeroRows(tensors: Tensors): Tensors {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { type, dims }]) => [name, zeroRow(type, dims.slice(1))]),
  );
}

function range(length: number): readonly number[] {
  return Array.from({ length }, (_, index) => index);
}

/** Returns up to `count` of the rows, evenly spaced, including the first and the last. */
function spread(rows: readonly number[], count: number): readonly number[] {
  if (rows.length <= count) return rows;
  const picked = range(count).map(
    (index) => rows[Math.round((index * (rows.length - 1)) / (count - 1))] ?? 0,
  );
  return [...new Set(picked)];
}
