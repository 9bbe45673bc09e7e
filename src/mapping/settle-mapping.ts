/**
 * Closes what neither signature nor schema tells: how long a list column's lists are, how wide an output is. The data
 * tells the first, one prediction the second.
 */
import type { RecordBatch } from "apache-arrow";
import type { Tensors } from "../data/tensor.js";
import { ModelError, SpecError } from "../errors.js";
import type { ModelTrial } from "../host/host.js";
import type { Predictor } from "../runtimes/model.js";
import { createBinder } from "../scoring/bind-inputs.js";
import { madeUpRow } from "../scoring/killing-rows.js";
import { refuseSeveralLengths, seenLists } from "../scoring/list-lengths.js";
import type { MappingFiles } from "./files/mapping-files.js";
import { fetchedOutputs, type InputBinding, type Mapping } from "./mapping.js";
import { type MappingOptions, type Observed, resolveMapping } from "./resolve-mapping.js";

/** Rows that are tried, one after the other, until the model takes one. */
const triedRows = 64;

/** Whether every input and output has its shape, so that rows can be scored. */
export function isSettled(mapping: Mapping): boolean {
  return [...mapping.inputs, ...mapping.outputs].every(({ rowShape }) => rowShape !== null);
}

/**
 * Resolves the mapping again with what the first rows show. Call it when `isSettled` says no; the result is settled and
 * depends on plan, data and model only.
 *
 * @param batch rows of the input, with the mapping's `reads`; `null` where the input is empty
 * @throws SpecError `mapping.open-dimension` when there is nothing to learn a size from
 */
export async function settleMapping(
  options: MappingOptions,
  predictor: Predictor,
  batch: RecordBatch | null,
): Promise<Mapping> {
  return resolveMapping({ ...options, observed: await observeSizes(options, predictor, batch) });
}

/** Returns the sizes that `settleMapping` resolves the mapping with. @throws what it throws */
export async function observeSizes(
  options: MappingOptions,
  predictor: Predictor,
  batch: RecordBatch | null,
  trial: ModelTrial = "rows",
): Promise<Observed> {
  const seen = batch === null ? [] : seenLists(resolveMapping(options), batch);
  refuseSeveralLengths(seen, options, batch?.numRows ?? 0);
  const lengths = Object.fromEntries(seen.map(({ column, longest }) => [column, longest]));
  const listLengths = { ...options.observed?.listLengths, ...lengths };
  const observed = { listLengths, rowShapes: options.observed?.rowShapes ?? {} };
  const bound = resolveMapping({ ...options, observed });
  for (const { input, rowShape, kind } of bound.inputs)
    if (rowShape === null) throw openDimension(`input "${input}"`, kind);
  if (isSettled(bound)) return observed;
  const rowShapes = {
    ...observed.rowShapes,
    ...(await seenShapes(bound, predictor, candidates(bound, batch, trial, options.files))),
  };
  const settled = resolveMapping({ ...options, observed: { listLengths, rowShapes } });
  for (const { output, rowShape } of settled.outputs)
    if (rowShape === null) throw openDimension(`output "${output}"`);
  return { listLengths, rowShapes };
}

/** What the model gives for the first row that it takes; for a row of zeros where no row is there to take. */
async function seenShapes(
  mapping: Mapping,
  predictor: Predictor,
  rows: Iterable<Tensors>,
): Promise<{ readonly [output: string]: readonly number[] }> {
  let failure: unknown = null;
  for (const inputs of rows) {
    try {
      const outputs = await predictor.predict(inputs, fetchedOutputs(mapping.outputs));
      return Object.fromEntries(Object.entries(outputs).map(([name, { dims }]) => [name, dims.slice(1)]));
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      failure = error;
    }
  }
  throw new SpecError(
    "mapping.open-dimension",
    "the model leaves the size of its outputs open, and takes none of the first rows",
    {
      hint: "check that the columns feed the right inputs, or export the model with fixed output shapes",
      cause: failure,
    },
  );
}

function* candidates(
  mapping: Mapping,
  batch: RecordBatch | null,
  trial: ModelTrial,
  files: MappingFiles | undefined,
): Generator<Tensors> {
  if (batch !== null && trial === "rows") {
    const bind = createBinder(mapping.inputs, 1, files).open(batch);
    for (let row = 0; row < Math.min(batch.numRows, triedRows); row++) {
      const { tensors, failures } = bind(row, row + 1);
      if (failures.size === 0) yield tensors;
    }
  }
  yield madeUpRow(trial === "ones" ? "ones" : "zeros", mapping.inputs);
}

function openDimension(what: string, kind?: InputBinding["kind"]): SpecError {
  if (kind === "constant")
    return new SpecError(
      "mapping.open-dimension",
      `${what} has a dimension of no fixed size, and a constant has none of its own`,
      {
        hint: "export the model with one name for the dimension in all its inputs, or with a fixed size; or name a list column",
      },
    );
  return new SpecError(
    "mapping.open-dimension",
    `${what} has a dimension of no fixed size, and there are no rows to learn it from`,
    { hint: "say how long its lists are: `{ list: <column>, dim: <length> }`" },
  );
}
