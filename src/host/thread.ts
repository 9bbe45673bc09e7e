/**
 * Entry point of a thread: scores one partition after another, from reading to staging, and plans and
 * previews jobs that have hooks. It only wires parts together.
 */

import { writeSync } from "node:fs";
import { workerData } from "node:worker_threads";
import { settingsFromProcess } from "../config.js";
import { toErrorRecord } from "../errors.js";
import type { Plan } from "../job/plan.js";
import { loadFiles } from "../mapping/files/load-files.js";
import type { MappingFiles } from "../mapping/files/mapping-files.js";
import { lateExpansion } from "../planning/late-expansion.js";
import { notingLoads } from "../planning/model-notes.js";
import { loadHooks } from "../planning/plan-hooks.js";
import { createRegistry } from "../registry.js";
import { refuseChangedPlan } from "../running/run-identity.js";
import type { Predictor } from "../runtimes/model.js";
import { type HookSteps, hookSteps, type LoadedHooks, noHooks } from "../scoring/hooks/hook-steps.js";
import { searchRows } from "../scoring/killing-rows.js";
import { runPartition } from "../scoring/run-partition.js";
import { hideSecrets } from "../wiring/hide-secrets.js";
import { type PlanningCallName, planningCalls } from "../wiring/planning-calls.js";
import { systemClock } from "../wiring/system-clock.js";
import { rowsLines } from "./breadcrumb-trail.js";
import type { HostCalls, NotingRows } from "./host.js";
import { SharedProgress } from "./shared-progress.js";
import type { PlanningCall, PlanningResult, ThreadCall, ThreadData, ThreadResult } from "./thread-pool.js";

const { breadcrumbFd, hookDir, device, memoryBytes } = workerData as ThreadData;
const note = (line: string) => void writeSync(breadcrumbFd, `${line}\n`);
const settings = settingsFromProcess();
const { outputRoot, hooks: mayRunHooks } = settings;
// Copied before the secrets are hidden, because database URLs are resolved from it.
const environment = { ...settings.environment };
hideSecrets();
const registry = createRegistry({ note, hookDir, device, environment, outputRoot, mayRunHooks });
const predictors = new Map<string, Promise<Predictor>>();
let mappingFiles: { readonly plan: string; readonly files: Promise<MappingFiles> } | null = null;
const hooks = new Map<string, Promise<LoadedHooks>>();
const cancelCheckMs = 100;
// Loaded while the coordinator is still planning. If it fails, the error occurs again, with its reason, when
// a partition needs them.
void Promise.allSettled([
  registry.format().then((format) => format.warm()),
  registry.runtime(),
  import("../sources/files/file-source.js"),
]);

export async function partition({
  call,
  progress,
}: ThreadCall<"partition">): Promise<ThreadResult<"partition">> {
  const { task, attemptId, killers = [], notesRows = false } = call;
  const shared = new SharedProgress(progress);
  const cancelled = new AbortController();
  try {
    refuseChangedPlan(task.plan);
    const source = await registry.source(task.plan.job.input);
    const { predictor, loadSeconds } = await predictorOf(task.plan);
    const receipt = await runPartition(
      task,
      attemptId,
      {
        source,
        predictor,
        files: await filesOf(task.plan),
        hooks: await hooksOf(task.plan),
        sink: await registry.stagingSink(task.plan.job.write),
        clock: systemClock,
        expand: lateExpansion(task.run.id, task.plan.assets),
        onProgress: (figures) => {
          shared.write(figures);
          if (shared.isCancelled) cancelled.abort();
        },
        killers,
        ...(notesRows ? { noting: notingRows(attemptId) } : {}),
      },
      cancelled.signal,
    );
    if (loadSeconds === null) return { result: receipt };
    return { result: { ...receipt, stats: { ...receipt.stats, modelLoadSeconds: loadSeconds } } };
  } catch (error) {
    return { error: toErrorRecord(error) };
  }
}

export async function search({
  call: { task, attemptId, search: known },
  progress,
}: ThreadCall<"search">): Promise<ThreadResult<"search">> {
  const { plan } = task;
  const shared = new SharedProgress(progress);
  const cancelled = new AbortController();
  const watch = setInterval(() => shared.isCancelled && cancelled.abort(), cancelCheckMs);
  const noted = notingRows(attemptId);
  const noting: NotingRows = (rows, work) => {
    if (shared.isCancelled) cancelled.abort();
    return noted(rows, work);
  };
  try {
    refuseChangedPlan(plan);
    const source = await registry.source(plan.job.input);
    const { predictor } = await predictorOf(plan);
    const parts = { predictor, files: await filesOf(plan), hooks: await hooksOf(plan), noting };
    const request = {
      columns: plan.mapping.reads,
      schema: plan.inputSchema,
      chunkRows: plan.profile.chunkRows,
    };
    const chunks = source.read(task.partition, request, cancelled.signal);
    return { result: await searchRows(task, known, parts, chunks, cancelled.signal) };
  } catch (error) {
    return { error: toErrorRecord(error) };
  } finally {
    clearInterval(watch);
  }
}

function notingRows(attemptId: string): NotingRows {
  return async (rows, call) => {
    const [begins, ends] = rowsLines(attemptId, rows);
    note(begins);
    try {
      return await call();
    } finally {
      note(ends);
    }
  };
}

interface Loaded {
  readonly predictor: Predictor;
  /** `null` if an earlier partition has loaded the model already. */
  readonly loadSeconds: number | null;
}

/**
 * Keeps one session for each thread and model, because creating and releasing sessions in a loop leaks
 * memory.
 */
async function predictorOf(plan: Plan): Promise<Loaded> {
  const assets = plan.assets.filter(({ role }) => role === "model" || role === "external-data");
  const key = JSON.stringify([assets.map((asset) => asset.sha256), plan.profile]);
  const known = predictors.get(key);
  if (known !== undefined) return { predictor: await known, loadSeconds: null };
  const startedMs = systemClock.monotonicMs();
  const loading = registry.runtime().then((runtime) => notingLoads(runtime, note).load(assets, plan.profile));
  predictors.set(key, loading);
  const predictor = await loading;
  return { predictor, loadSeconds: (systemClock.monotonicMs() - startedMs) / 1000 };
}

/** Cached for the current plan: its partitions share the files, and the next plan's may differ. */
function filesOf(plan: Plan): Promise<MappingFiles> {
  if (mappingFiles?.plan === plan.fingerprint) return mappingFiles.files;
  const files = loadMappingFiles(plan);
  mappingFiles = { plan: plan.fingerprint, files };
  // A failure belongs to the attempt that caused it: the next attempt reads again.
  files.catch(() => {
    mappingFiles = null;
  });
  return files;
}

async function loadMappingFiles({ job, assets }: Plan): Promise<MappingFiles> {
  return loadFiles(job, assets, { store: await registry.store(), format: await registry.format() });
}

/** Loads the hooks once a thread, as the model is. */
async function hooksOf(plan: Plan): Promise<HookSteps> {
  if (plan.hooks.length === 0) return noHooks;
  const key = JSON.stringify(plan.assets.map((asset) => [asset.role, asset.path, asset.sha256]));
  let loaded = hooks.get(key);
  if (loaded === undefined) {
    loaded = registry.hooks().then((runtime) => loadHooks(plan.assets, runtime, { showValues: false }));
    hooks.set(key, loaded);
  }
  return hookSteps(plan, await loaded);
}

export const plan = planning("plan");
export const preview = planning("preview");

/** Answers one call of the host; its items are returned with its result. */
function planning<N extends PlanningCallName>(name: N) {
  return async ({ request, progress }: PlanningCall<N>): Promise<PlanningResult<N>> => {
    const shared = new SharedProgress(progress);
    const cancelled = new AbortController();
    const watch = setInterval(() => shared.isCancelled && cancelled.abort(), cancelCheckMs);
    const items: HostCalls[N]["item"][] = [];
    try {
      const call = planningCalls(registry, note, memoryBytes)[name];
      return { items, result: await call(request, (item) => items.push(item), cancelled.signal) };
    } catch (error) {
      return { error: toErrorRecord(error) };
    } finally {
      clearInterval(watch);
    }
  };
}
