/**
 * Tries a model on a few rows: together, once more, in reverse, fewer of them, and alone. Rows are independent when each
 * gives the same numbers every time. Only then a batch can be cut anywhere, and a row that fails can be searched for.
 */

import type { Tensors } from "../../data/tensor.js";
import { ModelError } from "../../errors.js";
import type { Predictor } from "../../runtimes/model.js";
import { arrangeRows, tiled } from "../../scoring/tensors/arrange-rows.js";
import type { Clock } from "../../time/clock.js";
import { type Comparison, type Difference, differenceOf } from "./same-outputs.js";
import type { Sample } from "./sample-rows.js";

/** What the rows of a model are to one another. */
export type RowsVerdict =
  | { readonly rows: "independent" }
  /** The same rows in the same batch gave other numbers. */
  | { readonly rows: "not-deterministic"; readonly difference: Difference }
  /** A row gave other numbers in another batch. `by`: only rows before it changed it, or any. */
  | { readonly rows: "dependent"; readonly difference: Difference; readonly by: "earlier-rows" | "batch" }
  /** Every row alone works, and no batch of several does. */
  | { readonly rows: "one-at-a-time"; readonly cause: ModelError }
  /** No row works alone, and batches of exactly `batch` rows do. */
  | { readonly rows: "frozen-batch"; readonly batch: number; readonly cause: ModelError }
  /** No row that was tried works: nothing is known. */
  | { readonly rows: "untried"; readonly cause: ModelError };

export interface RowsProbe {
  readonly verdict: RowsVerdict;
  /** Numbers of rows in the model calls that worked, in their order. */
  readonly batches: readonly number[];
  /** Rows that work, as places in the sample. */
  readonly working: readonly number[];
  /** What the model gave for `working`, together or one by one. `null` where nothing works. */
  readonly outputs: Tensors | null;
}

export interface RowsProbeOptions extends Comparison {
  readonly predictor: Predictor;
  readonly outputs: readonly string[];
  readonly clock: Pick<Clock, "monotonicMs">;
}

/** Rows that are tried together where a model is fast; primes, since frozen batches are mostly round numbers. */
const rowCounts = [29, 13, 7] as const;
/** For a slow model: as few as can differ. */
const fewestRows = 3;
const fewer = 5;
const aloneRows = 4;
const budgetMs = 700;
/** Sizes that exporters freeze. */
const frozenSizes = [2, 4, 8, 16, 32, 64, 128, 256] as const;

export const mostSampledRows = rowCounts[0];

export async function probeRows(sample: Sample, options: RowsProbeOptions): Promise<RowsProbe> {
  const { predictor, outputs, clock } = options;
  const batches: number[] = [];
  let lastMs = 0;
  const attempt = async (places: readonly number[]): Promise<Tensors | ModelError> => {
    const startedMs = clock.monotonicMs();
    try {
      const made = await predictor.predict(arrangeRows(sample.tensors, places), outputs);
      batches.push(places.length);
      // What a call gives is valid until the next.
      return arrangeRows(made, range(made[Object.keys(made)[0] ?? ""]?.dims[0] ?? 0));
    } catch (error) {
      if (error instanceof ModelError && error.code === "model.predict-failed") return error;
      throw error;
    } finally {
      lastMs = clock.monotonicMs() - startedMs;
    }
  };
  const all = range(sample.rows);
  const probe = (verdict: RowsVerdict, working: readonly number[] = [], made: Tensors | null = null) => ({
    verdict,
    batches,
    working,
    outputs: made,
  });

  const alone = new Map<number, Tensors>();
  let failure: ModelError | null = null;
  for (const place of all.slice(0, 8)) {
    const made = await attempt([place]);
    if (made instanceof ModelError) failure ??= made;
    else alone.set(place, made);
    if (alone.size > 0) break;
  }
  const [first] = alone.keys();
  if (first === undefined) {
    const cause = failure ?? new ModelError("model.predict-failed", "no row was tried");
    const made = await attempt(all);
    if (!(made instanceof ModelError)) {
      const difference = { output: outputs[0] ?? "", rows: all.length };
      return probe({ rows: "dependent", difference, by: "batch" }, all, made);
    }
    for (const batch of frozenSizes) {
      if ((await attempt(tiled([0], batch))) instanceof ModelError) continue;
      const isFrozen = (await attempt(tiled([0], batch + 1))) instanceof ModelError;
      return probe(isFrozen ? { rows: "frozen-batch", batch, cause } : { rows: "untried", cause });
    }
    return probe({ rows: "untried", cause });
  }
  // The first call of a session is the slowest.
  const again = await attempt([first]);
  if (again instanceof ModelError) return probe({ rows: "untried", cause: again });
  const single = differenceOf(again, alone.get(first) ?? again, [0], options, exactly(options));
  if (single !== null) return probe({ rows: "not-deterministic", difference: single }, [first], again);

  let places = all.slice(0, Math.max(affordable(lastMs), first + 1));
  let together = await attempt(places);
  if (together instanceof ModelError) {
    const cause = together;
    const isBatchFault =
      places.length > 1 && (await attempt(tiled([first], places.length))) instanceof ModelError;
    const working: number[] = [];
    for (const place of places) {
      const made = alone.get(place) ?? (await attempt([place]));
      if (made instanceof ModelError) continue;
      alone.set(place, made);
      working.push(place);
    }
    if (isBatchFault) return probe({ rows: "one-at-a-time", cause }, working, alone.get(first) ?? null);
    places = working;
    together = await attempt(places);
    if (together instanceof ModelError) return probe({ rows: "untried", cause: together });
  }
  const whole = together;
  const order = range(places.length);

  const twice = await attempt(places);
  if (!(twice instanceof ModelError)) {
    const difference = differenceOf(whole, twice, order, options, exactly(options));
    if (difference !== null) return probe({ rows: "not-deterministic", difference }, places, whole);
  }
  const differs = async (tried: readonly number[]): Promise<Difference | null> => {
    const made = await attempt(tried.map((row) => places[row] ?? 0));
    if (made instanceof ModelError) return { output: Object.keys(whole)[0] ?? "", rows: tried.length };
    return differenceOf(whole, made, tried, options);
  };
  const head = order.length > fewer ? await differs(order.slice(0, fewer)) : null;
  const reversed = await differs([...order].reverse());
  let difference = head ?? reversed;
  for (const row of spread(order, aloneRows)) difference ??= await differs([row]);
  if (difference === null) return probe({ rows: "independent" }, places, whole);
  const by = head === null && reversed !== null && order.length > fewer ? "earlier-rows" : "batch";
  return probe({ rows: "dependent", difference, by }, places, whole);
}

/** The same call gives the same bits on a CPU. */
function exactly({ provider }: Comparison): { readonly isExact: boolean } {
  return { isExact: provider === "cpu" };
}

/** Three calls with all rows, one with few, and single rows. */
function affordable(rowMs: number): number {
  return rowCounts.find((rows) => rowMs * (3 * rows + fewer + aloneRows) <= budgetMs) ?? fewestRows;
}

function range(length: number): readonly number[] {
  return Array.from({ length }, (_, index) => index);
}

function spread(rows: readonly number[], count: number): readonly number[] {
  const last = rows.length - 1;
  const picked = range(Math.min(count, rows.length)).map((place) =>
    Math.round((place * last) / Math.max(1, Math.min(count, rows.length) - 1)),
  );
  return [...new Set(picked)];
}
