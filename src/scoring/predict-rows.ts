/**
 * Calls the model on bound rows, and finds the rows that it fails on.
 *
 * The shape of a batch never depends on which rows fail: rows that can't be scored and rows that are not on trial are
 * overwritten with copies of other rows. So a row's prediction is the same whoever its neighbours are (DESIGN:
 * Determinism).
 */

import type { Tensors } from "../data/tensor.js";
import { CancelledError, ModelError } from "../errors.js";
import type { Predictor } from "../runtimes/model.js";
import type { BoundRows } from "./bind-inputs.js";
import { bisect } from "./bisect.js";
import { type Failure, predictFailure } from "./row-failures.js";
import { arrangeRows, substituted, tiled, zeroRow } from "./tensors/arrange-rows.js";

/** Rows that are tried alone to tell a broken model from broken rows. */
const sampleRows = 8;

export interface RowPredictor {
  /**
   * @param rows how many rows are bound
   * @throws ModelError `model.predict-failed` when no row at all passes: then it is not the rows' fault
   */
  predict(bound: BoundRows, rows: number, place: BatchPlace, signal: AbortSignal): Promise<PredictedRows>;
  /**
   * Calls the model for these rows alone, over and over, in a batch of the same shape.
   * @returns why it fails; `null` when it does not
   */
  only(
    bound: BoundRows,
    rows: number,
    trial: readonly number[],
    signal: AbortSignal,
  ): Promise<ModelError | null>;
}

/** Where a batch comes from, for messages. */
export interface BatchPlace {
  readonly file: string;
  readonly firstRow: number;
}

export interface PredictedRows {
  /** Outputs for all rows, failed ones included; `null` when none passed. */
  readonly outputs: Tensors | null;
  /** Faults of binding and of predicting, by row. */
  readonly failures: ReadonlyMap<number, Failure>;
}

export interface RowPredictorOptions {
  /** The outputs that are wanted; all of the model's unless given. */
  readonly outputs?: readonly string[];
  /** Rows change one another: a batch that fails is not searched for the row that is to blame. */
  readonly isDependent?: boolean;
}

export function createRowPredictor(
  predictor: Predictor,
  { outputs, isDependent = false }: RowPredictorOptions = {},
): RowPredictor {
  /** A row that the model has scored before: proof that it works, when all rows of a batch fail. */
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
  /** `null` when there was no row to call the model for, or when it failed. */
  readonly outputs: Tensors | null;
  readonly cause: ModelError | null;
}

/** Ways to call the model with one batch; each gives it tensors of the same shape. */
interface Attempts {
  /** All rows where they belong, with a passing row in the place of each failed one. */
  allBut(failed: ReadonlyMap<number, unknown>): Promise<Attempt>;
  /** These rows alone, over and over. */
  only(rows: readonly number[]): Promise<Attempt>;
  /** One row from elsewhere, over and over. */
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
 * Nobody wants a whole table in quarantine because the model is broken. It works if it scores one of a sample of the
 * rows, a row that it scored before or, where the sample was all rows there are, a row of zeros.
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
      hint: "check that the columns feed the right inputs: `nightshift inspect` shows what the model takes",
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
      hint: "under `rows: dependent` no single row is to blame: take the rows out that the model does not take, or change limits.batch_rows",
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

/** Up to `count` of the rows, evenly spread, the first and the last among them. */
function spread(rows: readonly number[], count: number): readonly number[] {
  if (rows.length <= count) return rows;
  const picked = range(count).map(
    (index) => rows[Math.round((index * (rows.length - 1)) / (count - 1))] ?? 0,
  );
  return [...new Set(picked)];
}
