/**
 * Learns what a model does by trying it on a few rows of the input, while a run is planned: the shapes of its outputs, and
 * whether its rows are independent. Trees on our own kernel are independent by construction, and are not tried.
 */
import type { RecordBatch } from "apache-arrow";
import type { Clock } from "../clock.js";
import { ModelError } from "../errors.js";
import { fetchedOutputs, type Mapping } from "../mapping.js";
import type { Predictor } from "../model.js";
import { probeMissing } from "../pipeline/probing/probe-missing.js";
import { mostSampledRows, probeRows, type RowsProbe } from "../pipeline/probing/probe-rows.js";
import { type Sample, sampleRows } from "../pipeline/probing/sample-rows.js";
import { type MappingOptions, type Observed, resolveMapping } from "../pipeline/resolve-mapping.js";
import { isSettled, observeSizes } from "../pipeline/settle-mapping.js";
import { arrangeRows } from "../pipeline/tensors/arrange-rows.js";
import type { ModelProbe } from "../plan.js";
import type { Profile } from "../profile.js";
import type { Tensors } from "../tensor.js";
import { outputNotRows, refuseOtherSymbols, refuseUnlessRows, rowsWarnings } from "./refuse-rows.js";

export interface TriedModel {
  readonly mapping: Mapping;
  /** With a batch of one where the model takes no more. */
  readonly profile: Profile;
  readonly probe: ModelProbe | null;
}

export interface TryOptions {
  readonly mappingOptions: MappingOptions;
  /** As it is without trying. */
  readonly mapping: Mapping;
  readonly profile: Profile;
  readonly predictor: Predictor;
  /** The first rows, with what a `pre` hook adds; `null` where the input is empty. */
  readonly batch: RecordBatch | null;
  readonly clock: Pick<Clock, "monotonicMs">;
}

/** @throws SpecError `refused.*` where rows cannot be scored one by one and the job does not say that it knows */
export async function tryModel(options: TryOptions): Promise<TriedModel> {
  const { mappingOptions, mapping, profile, batch } = options;
  const { job, files, signature } = mappingOptions;
  refuseOtherSymbols(signature, mapping);
  const sizes = isSettled(mapping) ? null : await sizesSeen(options);
  const sized = sizes === null ? mapping : resolveMapping({ ...mappingOptions, observed: sizes });
  const untouched = { mapping: sized, profile, probe: null };
  if (batch === null || profile.engine !== "onnxruntime") return untouched;
  const sample = sampleRows(sized.inputs, batch, files, mostSampledRows);
  if (sample === null) return untouched;
  const tried = await tryRows(sample, sized, options);
  refuseUnlessRows(tried.verdict, job, signature);
  const shapes = tried.outputs === null ? {} : rowShapesOf(tried.outputs);
  const refusesMissing = await tryMissing(sample, sized, tried, options);
  const observed = {
    listLengths: sizes?.listLengths ?? {},
    rowShapes: { ...sizes?.rowShapes, ...shapes },
    refusesMissing,
  };
  const isKnown = isAsPlanned(sized, shapes) && refusesMissing.length === 0;
  const planned = isKnown ? sized : resolveMapping({ ...mappingOptions, observed });
  const warnings = [...planned.warnings, ...rowsWarnings(tried.verdict, job)];
  return {
    mapping: { ...planned, warnings },
    profile: tried.verdict.rows === "one-at-a-time" ? { ...profile, batchRows: 1 } : profile,
    probe: {
      rows: sample.rows,
      varied: sample.varied,
      batches: tried.batches,
      verdict: tried.verdict.rows,
    },
  };
}

async function sizesSeen({ mappingOptions, predictor, batch }: TryOptions): Promise<Observed> {
  return naming(() => observeSizes(mappingOptions, predictor, batch));
}

async function tryRows(
  sample: Sample,
  mapping: Mapping,
  { mappingOptions: { signature }, predictor, profile, clock }: TryOptions,
): Promise<RowsProbe> {
  const outputs = fetchedOutputs(mapping.outputs);
  const { provider } = profile;
  return naming(() => probeRows(sample, { predictor, outputs, clock, signature, provider }));
}

/** Only a model that knows missing values has to be tried: for any other, nulls are no NaN unless the job says so. */
async function tryMissing(
  { tensors }: Sample,
  { inputs, outputs }: Mapping,
  { working }: RowsProbe,
  { mappingOptions: { signature }, predictor }: TryOptions,
): Promise<readonly string[]> {
  const [first] = working;
  if (first === undefined || signature.knowsMissing !== true) return [];
  const row = arrangeRows(tensors, [first]);
  return probeMissing(inputs, { predictor, outputs: fetchedOutputs(outputs), row });
}

/** What an output without a row for each row means for a plan. */
async function naming<T>(tried: () => Promise<T>): Promise<T> {
  try {
    return await tried();
  } catch (error) {
    if (error instanceof ModelError && error.code === "model.batch-mismatch") throw outputNotRows(error);
    throw error;
  }
}

function rowShapesOf(outputs: Tensors): Observed["rowShapes"] {
  return Object.fromEntries(Object.entries(outputs).map(([name, { dims }]) => [name, dims.slice(1)]));
}

function isAsPlanned({ outputs }: Mapping, seen: Observed["rowShapes"]): boolean {
  return outputs.every(({ output, rowShape }) => {
    const shape = seen[output];
    return shape === undefined || JSON.stringify(shape) === JSON.stringify(rowShape);
  });
}
