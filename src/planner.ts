/**
 * Plans a job: what is read, by which model, through which mapping, in which partitions. Runs in the worker host, since
 * footers and models are opened here. Nothing is scored and nothing is written.
 */
import { createHash } from "node:crypto";
import type { RecordBatch } from "apache-arrow";
import type { Schema } from "./column.js";
import { DataError, SpecError } from "./errors.js";
import type { HookRuntime } from "./hook.js";
import type { PlanCall } from "./host.js";
import { describeInput, type Job, type Limits } from "./job.js";
import type { Mapping } from "./mapping.js";
import type { InspectedModel, ModelRuntime } from "./model.js";
import { hasExactRows, type Partition, type PlanTotals } from "./partition.js";
import { type FileParts, pinFiles } from "./pipeline/files/load-files.js";
import type { MappingFiles } from "./pipeline/files/mapping-files.js";
import { addedBy, hookSteps, type LoadedHooks } from "./pipeline/hooks/hook-steps.js";
import { learnPost, withPostColumns } from "./pipeline/hooks/learn-hooks.js";
import { scoreFirstRows } from "./pipeline/hooks/score-first-rows.js";
import { type MappingOptions, resolveMapping } from "./pipeline/resolve-mapping.js";
import { isSettled, settleMapping } from "./pipeline/settle-mapping.js";
import type { Asset, Plan, PlannedHook } from "./plan.js";
import { bundleHooks, learnPreHook, loadHooks, readingFor, withFirstRows } from "./plan-hooks.js";
import { chooseProfile, tryLoad } from "./plan-profile.js";
import type { Profile } from "./profile.js";
import { fingerprintOf } from "./run-identity.js";
import type { Source } from "./source.js";

export interface PlannerParts extends FileParts {
  readonly source: Source;
  readonly runtime: ModelRuntime;
  readonly hooks: HookRuntime;
}

/** A job put together with what its model and its input look like. */
export interface PreparedJob {
  readonly job: Job;
  readonly model: InspectedModel;
  /** The model's files, then those of the mapping, then hooks. */
  readonly assets: readonly Asset[];
  readonly loaded: LoadedHooks;
  /** The `pre` hook, where there is one. */
  readonly hooks: readonly PlannedHook[];
  readonly profile: Profile;
  /** Which provider runs, where it is not the one that was preferred. */
  readonly notes: readonly string[];
  readonly files: MappingFiles;
  /** Of the input, without what a hook adds. */
  readonly schema: Schema;
  readonly mappingOptions: MappingOptions;
  /** Not settled where sizes are left open: see {@link settle}. */
  readonly mapping: Mapping;
}

/** A mapping that rows can be scored by, and all hooks. */
export interface SettledJob {
  readonly mapping: Mapping;
  readonly hooks: readonly PlannedHook[];
}

/** Partitions are handed on in groups of this many. */
const groupSize = 256;
/** Several partitions a thread, so that threads end at about the same time. */
const partitionsPerThread = 8;
/** What a thread takes beside its largest row group: the engine, both Parquet codecs, buffers. Measured. */
const threadBytes = 140 * 1024 * 1024;

export async function planJob(
  call: PlanCall,
  parts: PlannerParts,
  onPartitions: (partitions: readonly Partition[]) => void,
  signal: AbortSignal,
): Promise<Plan> {
  const { job } = call;
  const prepared = await prepareJob(job, call.guess, parts, { signal, showValues: false });
  const wantedThreads = job.limits.threads === "auto" ? call.cores : Math.min(job.limits.threads, call.cores);

  const tally = new Tally(job, onPartitions);
  const request = {
    columns: prepared.mapping.reads,
    partitionRows: job.limits.partitionRows,
    minPartitions: wantedThreads * partitionsPerThread,
  };
  for await (const partition of parts.source.plan(request, signal)) {
    refuseOwnOutput(job, partition);
    tally.add(partition);
  }
  if (tally.totals.rows === 0) {
    refuseEmpty(job);
    if (tally.totals.partitions === 0) tally.add(emptyPartition);
  }
  tally.flush();

  const memoryBytes = job.limits.memoryBytes === "auto" ? call.memoryBytes : job.limits.memoryBytes;
  const chunkRows = Math.min(
    prepared.profile.chunkRows,
    tally.totals.rowsEstimated === true ? Infinity : tally.totals.rows,
  );
  const heldBytes =
    tally.peakBytes + heldByFiles(prepared.assets) + heldByLists(prepared.mapping.outputs, chunkRows);
  const { threads, note } = fitThreads(wantedThreads, tally, heldBytes, memoryBytes, job.limits);
  const { mapping, hooks } = await settle(prepared, parts, tally.firstWithRows, signal);
  const placement = await tryLoad(prepared.model, prepared.profile, parts.runtime, { wanted: call.tryLoad });
  return {
    version: 1,
    job,
    fingerprint: fingerprintOf(job, prepared.assets, tally.inputsDigest()),
    assets: prepared.assets,
    signature: prepared.model.signature,
    inputSchema: prepared.schema,
    mapping,
    hooks,
    profile: prepared.profile,
    threads,
    totals: tally.totals,
    notes: [
      ...prepared.notes,
      ...placement,
      ...droppedOutputs(prepared.model),
      ...(note === null ? [] : [note]),
    ],
  };
}

export interface PrepareOptions {
  readonly signal: AbortSignal;
  /** Let what a hook says through when it throws: it may hold values of rows. */
  readonly showValues: boolean;
}

export async function prepareJob(
  job: Job,
  guess: boolean,
  parts: PlannerParts,
  options: PrepareOptions,
): Promise<PreparedJob> {
  const model = await parts.runtime.inspect(job.model.path, job.model.externalData);
  const { profile, notes } = await chooseProfile(job, model, parts.runtime);
  const schema = await parts.source.schema();
  const { files, assets: mapped } = await pinFiles(job, parts);
  const bundles = await bundleHooks(job.hooks, parts.hooks);
  const loaded = await loadHooks(bundles, parts.hooks, options);
  const hooks = await learnPreHook(job, schema, loaded, parts.source, options.signal);
  const mappingOptions = {
    job,
    signature: model.signature,
    schema: [...schema, ...addedBy("pre-hook", hooks)],
    guess,
    files,
  };
  const mapping = readingFor(hooks, schema, resolveMapping(mappingOptions));
  const assets = [...model.assets, ...mapped, ...bundles];
  return { job, model, assets, files, loaded, hooks, profile, notes, schema, mappingOptions, mapping };
}

/**
 * Sizes that neither signature nor schema tells are taken from the first rows, and from one prediction of them; so is
 * what a `post` hook adds.
 */
export async function settle(
  prepared: PreparedJob,
  parts: PlannerParts,
  partition: Partition | null,
  signal: AbortSignal,
): Promise<SettledJob> {
  const { job, schema, mapping, hooks, loaded } = prepared;
  const postHook = loaded.get("post-hook");
  if (isSettled(mapping) && postHook === undefined) return { mapping, hooks };
  const predictor = await parts.runtime.load(prepared.model.assets, prepared.profile);
  const { pre } = hookSteps({ job, inputSchema: schema, mapping, hooks }, loaded);

  async function settleOn(rows: RecordBatch | null): Promise<SettledJob> {
    const batch = rows === null ? null : await pre(rows);
    const settled = isSettled(mapping)
      ? mapping
      : readingFor(hooks, schema, await settleMapping(prepared.mappingOptions, predictor, batch));
    if (postHook === undefined) return { mapping: settled, hooks };
    const scored =
      batch === null
        ? null
        : await scoreFirstRows({ ...prepared, mapping: settled, predictor }, batch, signal);
    const post = await learnPost(postHook, job, settled, scored);
    return { mapping: withPostColumns(job, settled, post.adds), hooks: [...hooks, post] };
  }

  try {
    if (partition === null) return await settleOn(null);
    return await withFirstRows(parts.source, partition, mapping.reads, signal, settleOn);
  } finally {
    await predictor.close();
  }
}

/** Adds up partitions while they stream past; holds none of them but the first. */
class Tally {
  private group: Partition[] = [];
  private readonly inputs = createHash("sha256");
  private files = 0;
  private partitions = 0;
  private rows = 0;
  private bytes = 0;
  private lastFile = "";
  private lastRange = "";
  private isEstimate = false;
  peakBytes = 0;
  peakFile = "";
  firstWithRows: Partition | null = null;

  constructor(
    private readonly job: Pick<Job, "input">,
    private readonly onPartitions: (partitions: readonly Partition[]) => void,
  ) {}

  add(partition: Partition): void {
    this.partitions += 1;
    this.rows += partition.rows;
    this.bytes += partition.bytes;
    if (partition.rows > 0) this.firstWithRows ??= partition;
    if (partition.peakBytes > this.peakBytes) {
      this.peakBytes = partition.peakBytes;
      this.peakFile = partition.slices[0]?.file.path ?? describeInput(this.job.input);
    }
    if (!hasExactRows(partition)) this.isEstimate = true;
    if (partition.range !== undefined && partition.range.identity !== this.lastRange) {
      this.lastRange = partition.range.identity;
      this.inputs.update(`${partition.range.identity}\n`);
    }
    for (const { file } of partition.slices) {
      if (file.path === this.lastFile) continue;
      this.lastFile = file.path;
      this.files += 1;
      this.inputs.update(
        `${file.path}\0${file.size}\0${file.inode}\0${file.mtimeNs}\0${file.footerSha256}\n`,
      );
    }
    this.group.push(partition);
    if (this.group.length >= groupSize) this.flush();
  }

  flush(): void {
    if (this.group.length > 0) this.onPartitions(this.group);
    this.group = [];
  }

  get totals(): PlanTotals {
    const { files, partitions, rows, bytes } = this;
    return { files, partitions, rows, ...(this.isEstimate ? { rowsEstimated: true } : {}), bytes };
  }

  inputsDigest(): string {
    return this.inputs.copy().digest("hex");
  }
}

/** A job that reads what it writes would score its own predictions, or overwrite its input with them. */
function refuseOwnOutput({ write }: Job, { slices }: Partition): void {
  if (write.kind === "postgres") return;
  const own = slices.find(({ file }) => file.path === write.to || file.path.startsWith(`${write.to}/`));
  if (own === undefined) return;
  throw new SpecError(
    "refused.output-is-input",
    `${own.file.path} is an input, and lies in the output ${write.to}.`,
    {
      hint: "Write to a place outside of what is read.",
      details: { file: own.file.path, output: write.to },
    },
  );
}

function droppedOutputs({ signature }: InspectedModel): readonly string[] {
  const names = signature.metadata["onnx.dropped_outputs"];
  return names === undefined ? [] : [`The model's outputs ${names} are not tensors, and are left out.`];
}

/** Publishing an empty input still writes one file, so that readers find the columns. */
const emptyPartition: Partition = { index: 0, rows: 0, bytes: 0, peakBytes: 0, slices: [] };

function refuseEmpty({ input }: Job): void {
  if (input.onEmpty !== "fail") return;
  throw new DataError("source.empty", `The input has no rows: ${describeInput(input)}.`, {
    hint: "Check the path, or set input.on_empty to skip or publish where an empty interval is normal.",
  });
}

/** As many threads as memory and partitions allow; a row group that not even one thread can hold is refused. */
function fitThreads(
  wanted: number,
  tally: Tally,
  heldBytes: number,
  memoryBytes: number,
  limits: Limits,
): { readonly threads: number; readonly note: string | null } {
  const useful = Math.max(1, Math.min(wanted, tally.totals.partitions));
  const neededBytes = threadBytes + heldBytes;
  const fitting = Math.floor(memoryBytes / neededBytes);
  if (memoryBytes < threadBytes) {
    throw new SpecError(
      "refused.memory",
      `a thread needs about ${mebibytes(threadBytes)} before it reads anything; ${mebibytes(memoryBytes)} may be used.`,
      { hint: "Raise limits.memory (score: --memory).", details: { memoryBytes } },
    );
  }
  if (fitting < 1) {
    throw new DataError(
      "data.row-group-too-large",
      `${tally.peakFile} has a row group that needs about ${mebibytes(neededBytes)} in memory; ${mebibytes(memoryBytes)} may be used.`,
      {
        hint: "Write the file again with smaller row groups (131,072 rows is a good size), keep fewer columns, or raise limits.memory (score: --memory).",
        details: { file: tally.peakFile, neededBytes, memoryBytes, threads: limits.threads },
      },
    );
  }
  if (fitting >= useful) return { threads: useful, note: null };
  return {
    threads: fitting,
    note: `Using ${fitting} of ${useful} threads: row groups of ${tally.peakFile} need about ${mebibytes(neededBytes)} each.`,
  };
}

/** A map or a list of ids takes several times its file's size once it is looked up in. */
function heldByFiles(assets: readonly Asset[]): number {
  const read = assets.filter(({ role }) => role === "categories" || role === "ids");
  return read.reduce((bytes, { size }) => bytes + size * 8, 0);
}

/** The best elements of a chunk's rows: places and scores as they come in, and packed with their ids. */
function heldByLists(outputs: Mapping["outputs"], chunkRows: number): number {
  return outputs.reduce(
    (bytes, binding) => bytes + (binding.kind === "top-k" ? chunkRows * binding.k * 28 : 0),
    0,
  );
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024 / 1024).toLocaleString("en-US")} MiB`;
}
