/** Hooks while a run is planned: bundled, loaded, and tried on the first rows. In a thread of the worker host. */
import type { RecordBatch } from "apache-arrow";
import type { ChunkOrigin } from "../data/chunk.js";
import type { PathTypes, Schema } from "../data/column.js";
import type { HookRuntime, LoadedHook } from "../hooks/hook.js";
import type { HookFiles, Job } from "../job/job.js";
import type { Partition } from "../job/partition.js";
import type { Asset, HookRole, PlannedHook } from "../job/plan.js";
import type { Mapping } from "../mapping/mapping.js";
import { type LoadedHooks, namesOf } from "../scoring/hooks/hook-steps.js";
import { learnPre, preReads } from "../scoring/hooks/learn-hooks.js";
import type { Source, SourceReadRequest } from "../sources/source.js";

/** What settling a mapping and learning what hooks add look at. */
const firstRows = 1024;

export async function bundleHooks({ pre, post }: HookFiles, runtime: HookRuntime): Promise<readonly Asset[]> {
  return [
    ...(pre === null ? [] : [await runtime.bundle("pre-hook", pre)]),
    ...(post === null ? [] : [await runtime.bundle("post-hook", post)]),
  ];
}

/** The hooks among a plan's assets. */
export async function loadHooks(
  assets: readonly Asset[],
  runtime: HookRuntime,
  options: { readonly showValues: boolean },
): Promise<LoadedHooks> {
  const loaded = new Map<HookRole, LoadedHook>();
  for (const asset of assets)
    if (asset.role === "pre-hook" || asset.role === "post-hook")
      loaded.set(asset.role, await runtime.load(asset, options));
  return loaded;
}

/** @returns the planned hook, or none */
export async function learnPreHook(
  { job, schema, pathTypes }: { readonly job: Job; readonly schema: Schema; readonly pathTypes: PathTypes },
  loaded: LoadedHooks,
  source: Source,
  signal: AbortSignal,
): Promise<readonly PlannedHook[]> {
  const hook = loaded.get("pre-hook");
  if (hook === undefined) return [];
  const columns = preReads(hook, schema);
  const request = { columns, partitionRows: job.limits.partitionRows, minPartitions: 1, pathTypes };
  const learn = (rows: RecordBatch | null) => learnPre(hook, job, schema, rows);
  for await (const partition of source.plan(request, signal))
    if (partition.rows > 0)
      return [await withFirstRows(source, partition, { columns, schema }, signal, learn)];
  return [await learn(null)];
}

/** What is read is what the mapping takes and what a hook looks at; what a hook adds is not. */
export function readingFor(hooks: readonly PlannedHook[], schema: Schema, mapping: Mapping): Mapping {
  const needed = new Set([...mapping.reads, ...hooks.flatMap(({ reads }) => reads)]);
  return { ...mapping, reads: namesOf(schema).filter((name) => needed.has(name)) };
}

/** Calls `use` with the first rows. Their memory may be reused after the next read, so they must not be kept. */
export async function withFirstRows<T>(
  source: Source,
  partition: Partition,
  request: Pick<SourceReadRequest, "columns" | "schema">,
  signal: AbortSignal,
  use: (rows: RecordBatch | null, origin: ChunkOrigin | null) => Promise<T>,
): Promise<T> {
  for await (const { batch, origin } of source.read(partition, { ...request, chunkRows: firstRows }, signal))
    return await use(batch, origin);
  return use(null, null);
}
