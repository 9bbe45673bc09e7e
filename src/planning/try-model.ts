/**
 * Learns what a model does by trying it on a few rows of the input, while a run is planned: the shapes of its outputs, and
 * whether its rows are independent. Trees on our own kernel are independent by construction, and are not tried.
 */
import type { RecordBatch } from "apache-arrow";
import type { ChunkOrigin } from "../data/chunk.js";
import type { Tensors } from "../data/tensor.js";
import { ModelError } from "../errors.js";
import type { MadeUpRow, ModelTrial, NoteRow, RowPlace } from "../host/host.js";
import type { ModelProbe } from "../job/plan.js";
import type { Profile } from "../job/profile.js";
import { fetchedOutputs, type Mapping } from "../mapping/mapping.js";
import { type MappingOptions, type Observed, resolveMapping } from "../mapping/resolve-mapping.js";
import { isSettled, observeSizes } from "../mapping/settle-mapping.js";
import type { Predictor } from "../runtimes/model.js";
import { madeUpRow, survive } from "../scoring/killing-rows.js";
import { arrangeRows } from "../scoring/tensors/arrange-rows.js";
import type { Clock } from "../time/clock.js";
import { probeMissing } from "./probing/probe-missing.js";
import { mostSampledRows, probeRows, type RowsProbe } from "./probing/probe-rows.js";
import { type Sample, sampleRows } from "./probing/sample-rows.js";
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
  /** Made-up rows where the model killed a host on rows of the input: then no more than its sizes are learnt. */
  readonly trial: ModelTrial;
  /** Place of the batch's first row; `null` where the rows are not those of a file any more. */
  readonly origin: ChunkOrigin | null;
  readonly noteRow: NoteRow;
  /** The row that an earlier trial killed a host on, where it is known. */
  readonly killer: RowPlace | null;
}

function killsHost(killer: RowPlace | null): string {
  const row =
    killer === null
      ? "one of the rows that it was tried on"
      : `row ${killer.row} of ${killer.file}, counted from 0`;
  return `The model killed its host on ${row}, so it was not tried further: whether rows are independent is not known.`;
}

/** @throws SpecError `refused.*` where rows cannot be scored one by one and the job does not say that it knows */
export async function tryModel(options: TryOptions): Promise<TriedModel> {
  const { mappingOptions, mapping, profile, batch, trial } = options;
  const { job, files, signature } = mappingOptions;
  refuseOtherSymbols(signature, mapping);
  const sizes = isSettled(mapping) ? null : await sizesSeen(options);
  const sized = sizes === null ? mapping : resolveMapping({ ...mappingOptions, observed: sizes });
  if (trial === "each") await tryEach(sized, options);
  if (trial !== "rows")
    return { ...(await tryMadeUp(trial === "each" ? "ones" : trial, sized, options)), profile, probe: null };
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

async function sizesSeen({ mappingOptions, predictor, batch, trial }: TryOptions): Promise<Observed> {
  return naming(() => observeSizes(mappingOptions, predictor, batch, trial));
}

/** Shows that the model survives a row; a host that dies here shows that it may survive none. */
async function tryMadeUp(
  row: MadeUpRow,
  mapping: Mapping,
  { predictor, killer }: TryOptions,
): Promise<Pick<TriedModel, "mapping">> {
  await survive(predictor, madeUpRow(row, mapping.inputs), fetchedOutputs(mapping.outputs));
  return { mapping: { ...mapping, warnings: [...mapping.warnings, killsHost(killer)] } };
}

/** Tries the sampled rows alone and notes each one: the host dies of the first one that kills it. */
async function tryEach(mapping: Mapping, options: TryOptions): Promise<void> {
  const { mappingOptions, predictor, batch, origin, noteRow } = options;
  if (batch === null || origin === null) return;
  const sample = sampleRows(mapping.inputs, batch, mappingOptions.files, mostSampledRows);
  for (const [at, row] of sample?.from.entries() ?? []) {
    const done = noteRow({ file: origin.file, row: origin.firstRow + row });
    await survive(predictor, arrangeRows(sample?.tensors ?? {}, [at]), fetchedOutputs(mapping.outputs));
    done();
  }
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
