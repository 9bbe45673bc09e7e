/**
 * Plans a job: what is read, by which model, through which mapping, in which partitions. Runs in the worker host, since
 * footers and models are opened here. Nothing is scored and nothing is written.
 */
import { createHash } from "node:crypto";
import { DataError } from "./errors.js";
import type { PlanCall } from "./host.js";
import type { Limits } from "./job.js";
import type { Mapping } from "./mapping.js";
import type { InspectedModel, ModelRuntime } from "./model.js";
import type { Partition, PlanTotals } from "./partition.js";
import { resolveMapping } from "./pipeline/resolve-mapping.js";
import type { Plan } from "./plan.js";
import { defaultWriterProfile, type Profile } from "./profile.js";
import { fingerprintOf } from "./run-identity.js";
import type { Source } from "./source.js";

export interface PlannerParts {
  readonly source: Source;
  readonly runtime: ModelRuntime;
  /** Widths of outputs that neither signature nor labels tell, by trying the model on one made-up row. */
  readonly measureWidths: (model: InspectedModel, mapping: Mapping, profile: Profile) => Promise<Mapping>;
}

/** Partitions are handed on in groups of this many. */
const groupSize = 256;
/** Several partitions a thread, so that threads end at about the same time. */
const partitionsPerThread = 4;

export async function planJob(
  call: PlanCall,
  parts: PlannerParts,
  onPartitions: (partitions: readonly Partition[]) => void,
  signal: AbortSignal,
): Promise<Plan> {
  const { job } = call;
  const model = await parts.runtime.inspect(job.model.path, job.model.externalData);
  const profile = chooseProfile(parts.runtime, job.providers);
  const schema = await parts.source.schema();
  const resolved = resolveMapping({
    job,
    signature: model.signature,
    schema,
    guess: call.guess,
    modelSha256: model.assets.find((asset) => asset.role === "model")?.sha256 ?? "",
  });
  const mapping = await parts.measureWidths(model, resolved, profile);
  const wantedThreads = job.limits.threads === "auto" ? call.cores : Math.min(job.limits.threads, call.cores);

  const tally = new Tally(onPartitions);
  const request = {
    columns: mapping.reads,
    partitionRows: job.limits.partitionRows,
    minPartitions: wantedThreads * partitionsPerThread,
  };
  for await (const partition of parts.source.plan(request, signal)) tally.add(partition);
  if (tally.totals.rows === 0) {
    refuseEmpty(call);
    if (tally.totals.partitions === 0) tally.add(emptyPartition);
  }
  tally.flush();

  const memoryBytes = job.limits.memoryBytes === "auto" ? call.memoryBytes : job.limits.memoryBytes;
  const { threads, note } = fitThreads(wantedThreads, tally, memoryBytes, job.limits);
  return {
    version: 1,
    job,
    fingerprint: fingerprintOf(job, model.assets, tally.inputsDigest()),
    assets: model.assets,
    signature: model.signature,
    inputSchema: schema,
    mapping,
    profile,
    threads,
    totals: tally.totals,
    notes: note === null ? [] : [note],
  };
}

/** The run profile: constants for every machine, so that the same plan gives the same files everywhere. */
function chooseProfile(runtime: ModelRuntime, providers: readonly string[]): Profile {
  return {
    engine: "onnxruntime",
    engineVersion: runtime.engineVersion,
    provider: runtime.chooseProvider(providers),
    intraOpThreads: 1,
    chunkRows: 65_536,
    batchRows: 1024,
    writer: defaultWriterProfile,
  };
}

/** Adds up partitions while they stream past; holds none of them. */
class Tally {
  private group: Partition[] = [];
  private readonly inputs = createHash("sha256");
  private files = 0;
  private partitions = 0;
  private rows = 0;
  private bytes = 0;
  private lastFile = "";
  peakBytes = 0;
  peakFile = "";

  constructor(private readonly onPartitions: (partitions: readonly Partition[]) => void) {}

  add(partition: Partition): void {
    this.partitions += 1;
    this.rows += partition.rows;
    this.bytes += partition.bytes;
    if (partition.peakBytes > this.peakBytes) {
      this.peakBytes = partition.peakBytes;
      this.peakFile = partition.slices[0]?.file.path ?? "";
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
    return { files: this.files, partitions: this.partitions, rows: this.rows, bytes: this.bytes };
  }

  inputsDigest(): string {
    return this.inputs.copy().digest("hex");
  }
}

/** Publishing an empty input still writes one file, so that readers find the columns. */
const emptyPartition: Partition = { index: 0, rows: 0, bytes: 0, peakBytes: 0, slices: [] };

function refuseEmpty(call: PlanCall): void {
  if (call.job.input.onEmpty !== "fail") return;
  throw new DataError("source.empty", `The input has no rows: ${call.job.input.from.join(", ")}.`, {
    hint: "Check the path, or set input.on_empty to skip or publish when an empty interval is normal.",
  });
}

/** As many threads as memory and partitions allow; a row group that not even one thread can hold is refused. */
function fitThreads(
  wanted: number,
  tally: Tally,
  memoryBytes: number,
  limits: Limits,
): { threads: number; note: string | null } {
  const useful = Math.max(1, Math.min(wanted, tally.totals.partitions));
  const fitting = tally.peakBytes === 0 ? useful : Math.floor(memoryBytes / tally.peakBytes);
  if (fitting < 1) {
    throw new DataError(
      "data.row-group-too-large",
      `${tally.peakFile} has a row group that needs about ${mebibytes(tally.peakBytes)} in memory; ${mebibytes(memoryBytes)} may be used.`,
      {
        hint: "Write the file again with smaller row groups (131,072 rows is a good size), keep fewer columns, or raise limits.memory.",
        details: { file: tally.peakFile, neededBytes: tally.peakBytes, memoryBytes, threads: limits.threads },
      },
    );
  }
  if (fitting >= useful) return { threads: useful, note: null };
  return {
    threads: fitting,
    note: `Using ${fitting} of ${useful} threads: row groups of ${tally.peakFile} need about ${mebibytes(tally.peakBytes)} each.`,
  };
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024 / 1024).toLocaleString("en-US")} MiB`;
}
