/**
 * Finds rows that make the engine end its process, as some integer divisions do. Such a row ends the whole
 * process, so the search uses several hosts: each one notes its rows before a model call, and the next one
 * continues from the last note.
 *
 * A row is identified by the digest of the model's input for it, not by its position: a database may return
 * rows in another order, and all rows with the same features have the same effect.
 */
import { createHash } from "node:crypto";
import { type Chunk, placeOf } from "../data/chunk.js";
import type { Tensors } from "../data/tensor.js";
import { ModelError } from "../errors.js";
import type { MadeUpRow, NotingRows, RowSearch, SearchResult } from "../host/host.js";
import type { PartitionTask } from "../job/plan.js";
import type { MappingFiles } from "../mapping/files/mapping-files.js";
import { fetchedOutputs, type InputBinding } from "../mapping/mapping.js";
import type { Predictor } from "../runtimes/model.js";
import { type BoundRows, createBinder } from "./bind-inputs.js";
import { bisect } from "./bisect.js";
import type { HookSteps } from "./hooks/hook-steps.js";
import { createRowPredictor } from "./predict-rows.js";
import { type Failure, killsEngine } from "./row-failures.js";
import { arrangeRows, oneRow, tiled, zeroRow } from "./tensors/arrange-rows.js";

export interface SearchParts {
  readonly predictor: Predictor;
  readonly files: MappingFiles;
  readonly hooks: HookSteps;
  readonly noting: NotingRows;
}

/** Returns the rows with a failure for each one that kills the engine; its cells are not changed. */
export function withoutKillers(bound: BoundRows, rows: number, killers: ReadonlySet<string>): BoundRows {
  if (killers.size === 0) return bound;
  const failures = new Map<number, Failure>(bound.failures);
  for (let row = 0; row < rows; row++)
    if (!failures.has(row) && killers.has(digestOf(bound.tensors, row))) failures.set(row, killsEngine);
  return { tensors: bound.tensors, failures };
}

/**
 * Calls the model for a partition's rows as a run does, and writes nothing. With `toRow`, it only narrows
 * down which row of `fromRow` to `toRow` kills the host: it tries the first half, and while the host
 * survives, the first half of the rest.
 *
 * @param chunks of the partition, from its first row
 * @throws errors of a run that are not caused by a row; CancelledError
 */
export async function searchRows(
  { plan: { job, mapping, profile } }: Pick<PartitionTask, "plan">,
  search: RowSearch,
  { predictor, files, hooks, noting }: SearchParts,
  chunks: AsyncIterable<Chunk>,
  signal: AbortSignal,
): Promise<SearchResult> {
  const { batchRows } = profile;
  const outputs = fetchedOutputs(mapping.outputs);
  const binder = createBinder(mapping.inputs, batchRows, files);
  const rows = createRowPredictor(predictor, { outputs, isDependent: job.rows === "dependent" });
  const killers = new Set(search.killers);
  let { madeUp } = search;
  let before = 0;
  for await (const chunk of chunks) {
    const batch = await hooks.pre(chunk.batch);
    const bind = binder.open(batch);
    for (let start = 0; start < batch.numRows; start += batchRows) {
      const count = Math.min(batchRows, batch.numRows - start);
      const first = before + start;
      if (first + count <= search.fromRow) continue;
      const bound = withoutKillers(bind(start, start + count), count, killers);
      if (search.toRow !== null) {
        await narrow(suspectsOf(bound, search.fromRow - first, search.toRow - first), bound, first, count);
        return "harmless";
      }
      if (madeUp !== null) await tryMadeUp(madeUp, first, count);
      madeUp = null;
      await noting({ from: first, to: first + count, digest: null }, () =>
        rows.predict(bound, count, placeOf(chunk, start), signal),
      );
    }
    before += batch.numRows;
  }
  return search.toRow === null ? "searched" : "harmless";

  async function narrow(suspects: readonly number[], bound: BoundRows, first: number, count: number) {
    let left = suspects;
    while (left.length > 1) {
      const middle = left.length >> 1;
      await bisect(left.slice(0, middle), (trial) => tryOnly(trial, bound, first, count));
      left = left.slice(middle);
    }
    if (left.length === 1) await tryOnly(left, bound, first, count);
  }

  /**
   * Rows that fail normally do not kill the host. A failure may hide one that does, so they are tried
   * separately.
   */
  function tryOnly(trial: readonly number[], bound: BoundRows, first: number, count: number) {
    const from = first + (trial[0] ?? 0);
    const to = first + (trial.at(-1) ?? 0) + 1;
    const digest = trial.length === 1 ? digestOf(bound.tensors, trial[0] ?? 0) : null;
    return noting({ from, to, digest }, () => rows.only(bound, count, trial, signal));
  }

  async function tryMadeUp(row: MadeUpRow, first: number, count: number): Promise<void> {
    const inputs = arrangeRows(madeUpRow(row, mapping.inputs), tiled([0], count));
    await noting({ from: first, to: first, digest: null }, () => survive(predictor, inputs, outputs));
  }
}

/** Calls the model to test whether the host survives; whether the model accepts the row does not matter. */
export async function survive(
  predictor: Predictor,
  inputs: Tensors,
  outputs: readonly string[],
): Promise<void> {
  try {
    await predictor.predict(inputs, outputs);
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
  }
}

/** Returns one made-up row for each input. */
export function madeUpRow(
  row: MadeUpRow,
  inputs: readonly Pick<InputBinding, "input" | "type" | "rowShape">[],
): Tensors {
  const fill = row === "ones" ? oneRow : zeroRow;
  return Object.fromEntries(inputs.map(({ input, type, rowShape }) => [input, fill(type, rowShape ?? [])]));
}

/**
 * Returns the bound rows of a batch, from `from` to `to` (exclusive), that are not known to kill the engine.
 */
function suspectsOf({ failures }: BoundRows, from: number, to: number): readonly number[] {
  return Array.from(
    { length: Math.max(0, to - Math.max(0, from)) },
    (_, row) => Math.max(0, from) + row,
  ).filter((row) => !failures.has(row));
}

function digestOf(tensors: Tensors, row: number): string {
  const hash = createHash("sha256");
  for (const [name, { data }] of Object.entries(arrangeRows(tensors, [row]))) {
    hash.update(`${name}\n`);
    if (Array.isArray(data)) hash.update(JSON.stringify(data));
    else {
      const { buffer, byteOffset, byteLength } = data as ArrayBufferView;
      hash.update(new Uint8Array(buffer, byteOffset, byteLength));
    }
  }
  return hash.digest("hex");
}
