/**
 * Plans a job: what is read, by which model, through which mapping, in which partitions. Runs in the worker host, since
 * footers and models are opened here. Nothing is scored and nothing is written.
 */
import type { RecordBatch } from "apache-arrow";
import type { ChunkOrigin } from "../data/chunk.js";
import { SpecError } from "../errors.js";
import type { PlanCall } from "../host/host.js";
import { inputKind } from "../job/input.js";
import type { Guessing, Job } from "../job/job.js";
import { placeOf } from "../job/output.js";
import type { Partition } from "../job/partition.js";
import type { Asset, Plan, PlannedCheck } from "../job/plan.js";
import { pinFiles } from "../mapping/files/load-files.js";
import { askedPathTypes, withPathTypes } from "../mapping/path-types.js";
import { resolveMapping } from "../mapping/resolve-mapping.js";
import { isSettled } from "../mapping/settle-mapping.js";
import { digestOf, fingerprintOf } from "../running/run-identity.js";
import type { InspectedModel } from "../runtimes/model.js";
import { addedBy, hookSteps } from "../scoring/hooks/hook-steps.js";
import { learnPost, withPostColumns } from "../scoring/hooks/learn-hooks.js";
import { scoreFirstRows } from "../scoring/hooks/score-first-rows.js";
import { type CheckParts, checkPredictions, refuseDifferent } from "./check-predictions.js";
import { emptyInput } from "./empty-input.js";
import { openExpected } from "./expected-file.js";
import { expectedNulls } from "./expected-nulls.js";
import { fitThreads, heldByFiles, heldByLists } from "./fit-threads.js";
import { PartitionTally } from "./partition-tally.js";
import { bundleHooks, learnPreHook, loadHooks, readingFor, withFirstRows } from "./plan-hooks.js";
import { chooseProfile, tryLoad } from "./plan-profile.js";
import type { PlannerParts, PreparedJob, SettledJob } from "./prepared-job.js";
import { refuseBatchElsewhere } from "./refuse-rows.js";
import { refuseTableIds } from "./refuse-table-file.js";
import { tryModel } from "./try-model.js";

/** Several partitions a thread, so that threads end at about the same time. */
const partitionsPerThread = 8;

export async function planJob(
  call: PlanCall,
  parts: PlannerParts,
  onPartitions: (partitions: readonly Partition[]) => void,
  signal: AbortSignal,
): Promise<Plan> {
  const { job } = call;
  const prepared = await prepareJob(job, call.guess, parts, { signal, showValues: false });
  const wantedThreads = job.limits.threads === "auto" ? call.cores : Math.min(job.limits.threads, call.cores);

  const tally = new PartitionTally(job, onPartitions);
  const request = {
    columns: prepared.mapping.reads,
    partitionRows: job.limits.partitionRows,
    // Where a batch ends shapes results, partitions must not follow from a machine's cores.
    minPartitions: job.rows === "dependent" ? 1 : wantedThreads * partitionsPerThread,
    pathTypes: prepared.pathTypes,
  };
  for await (const partition of parts.source.plan(request, signal)) {
    refuseOwnOutput(job, partition);
    tally.add(partition);
  }
  if (tally.totals.rows === 0) {
    refuseEmpty(job);
    // Publishing an empty input still writes one file, so that readers find the columns.
    if (tally.totals.partitions === 0) tally.add(inputKind(job.input).emptyPartition());
  }
  tally.flush();

  const memoryBytes = job.limits.memoryBytes === "auto" ? call.memoryBytes : job.limits.memoryBytes;
  const chunkRows = Math.min(
    prepared.profile.chunkRows,
    tally.totals.rowsEstimated === true ? Infinity : tally.totals.rows,
  );
  const heldBytes =
    tally.peakBytes + heldByFiles(prepared.assets) + heldByLists(prepared.mapping.outputs, chunkRows);
  const { threads, note } = fitThreads(wantedThreads, tally, heldBytes, memoryBytes);
  const settled = await settle(prepared, parts, tally.firstWithRows, signal, call);
  const checked = await check({ prepared, settled, parts, trial: call.trial ?? "rows" }, signal);
  const assets = [...prepared.assets, ...checked.assets];
  const { nulls, warnings } = await expectedNulls({
    source: parts.source,
    schema: prepared.schema,
    mapping: settled.mapping,
    totals: tally.totals,
    rowPolicy: job.rowPolicy,
  });
  const placement = await tryLoad(prepared.model, prepared.profile, parts.runtime, { wanted: call.tryLoad });
  const plan: Plan = {
    version: 2,
    job,
    fingerprint: fingerprintOf(job, assets, tally.inputsDigest()),
    assets,
    signature: prepared.model.signature,
    inputSchema: prepared.schema,
    mapping: { ...settled.mapping, warnings: [...settled.mapping.warnings, ...warnings] },
    hooks: settled.hooks,
    profile: settled.profile,
    ...(settled.probe === null ? {} : { probe: settled.probe }),
    ...(checked.check === null ? {} : { check: checked.check }),
    threads,
    totals: tally.totals,
    ...(Object.keys(nulls).length === 0 ? {} : { nulls }),
    notes: [...prepared.notes, ...placement, ...(note === null ? [] : [note])],
  };
  return { ...plan, digest: digestOf(plan) };
}

export interface PrepareOptions {
  readonly signal: AbortSignal;
  /** Let what a hook says through when it throws: it may hold values of rows. */
  readonly showValues: boolean;
}

export async function prepareJob(
  job: Job,
  guess: Guessing,
  parts: PlannerParts,
  options: PrepareOptions,
): Promise<PreparedJob> {
  const model = await parts.runtime.inspect(job.model.path, job.model.externalData);
  const chosen = await chooseProfile(job, model, parts.runtime);
  const { profile } = chosen;
  const notes = [...chosen.notes, ...droppedOutputs(model)];
  refuseBatchElsewhere(model.signature);
  const found = await parts.source.schema();
  const pathTypes = askedPathTypes({ job, signature: model.signature, schema: found, guess });
  const schema = withPathTypes(found, pathTypes);
  await refuseTableIds(job, parts);
  const { files, assets: mapped } = await pinFiles(job, parts);
  const bundles = await bundleHooks(job.hooks, parts.hooks);
  const loaded = await loadHooks(bundles, parts.hooks, options);
  const hooks = await learnPreHook({ job, schema, pathTypes }, loaded, parts.source, options.signal);
  const mappingOptions = {
    job,
    signature: model.signature,
    schema: [...schema, ...addedBy("pre-hook", hooks)],
    guess,
    files,
  };
  const mapping = readingFor(hooks, schema, resolveMapping(mappingOptions));
  const assets = [...model.assets, ...mapped, ...bundles];
  return {
    job,
    model,
    assets,
    files,
    loaded,
    hooks,
    profile,
    notes,
    schema,
    pathTypes,
    mappingOptions,
    mapping,
  };
}

/**
 * Sizes that neither signature nor schema tells are taken from the first rows, and from predictions of them; so is what
 * rows are to one another, and what a `post` hook adds.
 */
export async function settle(
  prepared: PreparedJob,
  parts: PlannerParts,
  partition: Partition | null,
  signal: AbortSignal,
  { trial = "rows", killer }: Pick<PlanCall, "trial" | "killer"> = {},
): Promise<SettledJob> {
  const { job, schema, mapping, hooks, loaded } = prepared;
  const postHook = loaded.get("post-hook");
  const { profile } = prepared;
  if (
    isSettled(mapping) &&
    postHook === undefined &&
    (partition === null || profile.engine !== "onnxruntime")
  )
    return { mapping, hooks, profile, probe: null };
  const predictor = await parts.runtime.load(prepared.model.assets, prepared.profile);
  const { pre } = hookSteps({ job, inputSchema: schema, mapping, hooks }, loaded);

  async function settleOn(rows: RecordBatch | null, origin: ChunkOrigin | null): Promise<SettledJob> {
    const batch = rows === null ? null : await pre(rows);
    const { mappingOptions } = prepared;
    const { clock, noteRow } = parts;
    const tried = await tryModel({
      ...{ mappingOptions, mapping, profile, predictor, batch, clock, trial, noteRow },
      // A hook may drop rows: then numbers of rows are not those of the file.
      origin: batch?.numRows === rows?.numRows ? origin : null,
      killer: killer ?? null,
    });
    const settled = tried.mapping === mapping ? mapping : readingFor(hooks, schema, tried.mapping);
    if (postHook === undefined) return { ...tried, mapping: settled, hooks };
    const scored =
      batch === null || trial !== "rows"
        ? null
        : await scoreFirstRows(
            { ...prepared, mapping: settled, profile: tried.profile, predictor },
            batch,
            signal,
          );
    const post = await learnPost(postHook, job, settled, scored);
    return { ...tried, mapping: withPostColumns(job, settled, post.adds), hooks: [...hooks, post] };
  }

  try {
    if (partition === null) return await settleOn(null, null);
    return await withFirstRows(parts.source, partition, { columns: mapping.reads, schema }, signal, settleOn);
  } finally {
    await predictor.close();
  }
}

/** @throws SpecError `check.*`, `refused.check-failed` */
async function check(
  checked: CheckParts,
  signal: AbortSignal,
): Promise<{ readonly assets: readonly Asset[]; readonly check: PlannedCheck | null }> {
  const spec = checked.prepared.job.check;
  if (spec === undefined) return { assets: [], check: null };
  const opened = await openExpected(spec.file, checked.parts, signal);
  const { failed, ...check } = await checkPredictions(spec, opened, checked, signal);
  refuseDifferent(spec.file, { ...check, failed });
  return { assets: [opened.asset], check };
}

/** A job that reads what it writes would score its own predictions, or overwrite its input with them. */
function refuseOwnOutput({ input, write }: Job, partition: Partition): void {
  const place = placeOf(write);
  if (place.is === "table") return;
  const output = place.path;
  const slices = inputKind(input).slicesOf(partition);
  const own = slices.find(({ file }) => file.path === output || file.path.startsWith(`${output}/`));
  if (own === undefined) return;
  throw new SpecError(
    "refused.output-is-input",
    `${own.file.path} is an input, and lies in the output ${output}.`,
    {
      hint: "Write to a place outside of what is read.",
      details: { file: own.file.path, output },
    },
  );
}

function droppedOutputs({ signature }: InspectedModel): readonly string[] {
  const names = signature.metadata["onnx.dropped_outputs"];
  const constant = signature.metadata["onnx.constant_outputs"];
  return [
    ...(names === undefined ? [] : [`The model's outputs ${names} are not tensors, and are left out.`]),
    ...(constant === undefined
      ? []
      : [`The model's outputs ${constant} do not depend on the input, and are left out.`]),
  ];
}

function refuseEmpty(job: Job): void {
  if (job.input.onEmpty === "fail") throw emptyInput(job);
}
