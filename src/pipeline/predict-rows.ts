/**
 * Calls the model on bound rows, and finds the rows that it fails on.
 *
 * The shape of a batch never depends on which rows fail: rows that can't be scored and rows that are not on trial are
 * overwritten with copies of other rows. So a row's prediction is the same whoever its neighbours are (DESIGN:
 * Determinism).
 */
import { CancelledError, ModelError } from "../errors.js";
import type { Predictor } from "../model.js";
import type { Tensors } from "../tensor.js";
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

export function createRowPredictor(predictor: Predictor): RowPredictor {
  /** A row that the model has scored before: proof that it works, when all rows of a batch fail. */
  let scoredBefore: Tensors | null = null;

  return {
    async predict(bound, rows, place, signal) {
      const failures = new Map(bound.failures);
      const passing = () => range(rows).filter((row) => !failures.has(row));

      const all = await attempt(inPlace());
      if (all.outputs !== null || all.cause === null) return { outputs: all.outputs, failures };

      const suspects = passing();
      await requireWorkingModel(suspects, all.cause);
      const bad = await bisect(suspects, async (trial) => (await attempt(tiled(trial, rows))).cause);
      for (const [row, cause] of bad) failures.set(row, predictFailure(cause.message));
      const rest = await attempt(inPlace());
      if (rest.cause !== null)
        throw fails("on these rows together, though on none of them alone", rest.cause);
      return { outputs: rest.outputs, failures };

      /** All rows where they belong; `null` when there is none to call the model for. */
      function inPlace(): readonly number[] | null {
        const substitute = range(rows).find((row) => !failures.has(row));
        return substitute === undefined ? null : substituted(rows, failures, substitute);
      }

      async function attempt(order: readonly number[] | null): Promise<Attempt> {
        if (order === null) return { outputs: null, cause: null };
        const inputs = isIdentity(order) ? bound.tensors : arrangeRows(bound.tensors, order);
        const result = await tryPredict(inputs);
        if (result.outputs !== null) scoredBefore ??= arrangeRows(inputs, [0]);
        return result;
      }

      async function tryPredict(inputs: Tensors): Promise<Attempt> {
        if (signal.aborted) throw new CancelledError();
        try {
          return { outputs: await predictor.predict(inputs), cause: null };
        } catch (error) {
          if (!(error instanceof ModelError) || error.code !== "model.predict-failed") throw error;
          return { outputs: null, cause: error };
        }
      }

      /**
       * Nobody wants a whole table in quarantine because the model is broken. It works if it scores any of the rows
       * (a sample of them), a row scored before or, where the sample was all rows there are, a row of zeros.
       */
      async function requireWorkingModel(suspects: readonly number[], cause: ModelError): Promise<void> {
        const sample = spread(suspects, sampleRows);
        for (const row of sample) if ((await attempt(tiled([row], rows))).cause === null) return;
        const others = [
          ...(scoredBefore === null ? [] : [scoredBefore]),
          ...(sample.length === suspects.length ? [zeroRows(bound.tensors)] : []),
        ];
        for (const other of others)
          if ((await tryPredict(arrangeRows(other, tiled([0], rows)))).cause === null) return;
        throw fails(`on every row that was tried (${sample.length} of ${rows})`, cause);
      }

      function fails(when: string, cause: ModelError): ModelError {
        const { file, firstRow } = place;
        return new ModelError(
          "model.predict-failed",
          `the model fails ${when}, in ${file} from row ${firstRow}: ${cause.message}`,
          {
            hint: "check that the columns feed the right inputs: `nightshift inspect` shows what the model takes",
            details: { ...cause.details, file, row: firstRow, rows },
            cause,
          },
        );
      }
    },
  };
}

interface Attempt {
  readonly outputs: Tensors | null;
  readonly cause: ModelError | null;
}

function zeroRows(tensors: Tensors): Tensors {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { type, dims }]) => [name, zeroRow(type, dims.slice(1))]),
  );
}

function range(length: number): readonly number[] {
  return Array.from({ length }, (_, index) => index);
}

function isIdentity(order: readonly number[]): boolean {
  return order.every((row, index) => row === index);
}

/** Up to `count` of the rows, evenly spread, the first and the last among them. */
function spread(rows: readonly number[], count: number): readonly number[] {
  if (rows.length <= count) return rows;
  const picked = range(count).map(
    (index) => rows[Math.round((index * (rows.length - 1)) / (count - 1))] ?? 0,
  );
  return [...new Set(picked)];
}
