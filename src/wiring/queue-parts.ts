/** What runs over a queue are put together from; `app.ts` has the rest. */

import { join } from "node:path";
import type { AssetCache } from "../assets/asset-cache.js";
import type { BlobStore } from "../assets/blob-store.js";
import { hooksOff } from "../assets/refusals.js";
import type { Settings } from "../config.js";
import type { Queue } from "../dispatchers/queue.js";
import { isQueueRefused, isQueueUnready, refusedForMs } from "../dispatchers/refusals.js";
import { SpecError } from "../errors.js";
import { type Channel, usualTag } from "../job/lane.js";
import { stagingPathOf } from "../job/output.js";
import { assetsToRun, type PartitionTask, type Plan } from "../job/plan.js";
import type { Run } from "../job/run.js";
import type { LeaseEnd, Ledger, SeenWorker, SharedLedger } from "../ledgers/ledger.js";
import type { Secrets } from "../spec/secrets.js";
import { newUuid, pause, systemClock } from "./system-clock.js";

/** @throws SpecError `usage.no-queue`; and what the queue's server is not reached for */
export async function openQueue(
  settings: Settings,
  secrets: Secrets | undefined,
  onTrouble: (error: Error) => void,
): Promise<Queue> {
  const { queue: url, environment } = settings;
  if (url === null)
    throw new SpecError("usage.no-queue", "no queue is named", {
      hint: "Give --queue, or NIGHTSHIFT_QUEUE, as `redis://host:6379/0` or `postgres://host:5432/database`.",
    });
  const { bullmqQueue } = await import("../dispatchers/queue/bullmq-queue.js");
  const { isRedisUrl, redisBackend, redisPassword } = await import("../dispatchers/queue/redis-backend.js");
  if (isRedisUrl(url)) {
    const password = redisPassword(url);
    if (password !== null) secrets?.add(password);
    return bullmqQueue(await redisBackend(url), { onTrouble });
  }
  const { postgresBackend } = await import("../dispatchers/queue/postgres-backend.js");
  const { connectionUrl } = await import("./resolve-connection.js");
  const place = secrets === undefined ? { environment } : { environment, secrets };
  return bullmqQueue(await postgresBackend(connectionUrl(url, place, "The queue's URL")), { onTrouble });
}

/** @throws SpecError `usage.queue-needs-ledger`: the journal belongs to one process */
export function sharedLedger(ledger: Ledger): SharedLedger {
  if (isShared(ledger)) return ledger;
  throw new SpecError("usage.queue-needs-ledger", "a queue needs a ledger that all its workers can reach", {
    hint: "Give --ledger, or NIGHTSHIFT_LEDGER, as `postgres://user:password@host:5432/database`.",
  });
}

/** Whether others reach it, too. */
export function isShared(ledger: Ledger): ledger is SharedLedger {
  return "startLeased" in ledger;
}

/** Tells a worker's people once that the queue is away, and once that it is back. */
export function queueWatch(tell: (error: Error | null) => void) {
  let isAway = false;
  return {
    failed(error: Error): void {
      // Of what else a queue complains about, the ledger takes care.
      if (isAway || !isConnectionError(error)) return;
      isAway = true;
      tell(error);
    },
    answered(): void {
      if (isAway) tell(null);
      isAway = false;
    },
  };
}

function isConnectionError(error: Error): boolean {
  return "code" in error && /^(infra\..*|E[A-Z]+|57P0\d|08\d{3})$/.test(String(error.code));
}

export function queueTrouble({ place }: Pick<Queue, "place">, error: Error | null): string {
  if (error === null) return `the queue at ${place} answers again`;
  if (isQueueRefused(error))
    return `${error.message}. ${error.hint ?? ""} This command ends with an error unless that is put right within ${refusedForMs / 1000} s`;
  if (isQueueUnready(error))
    return `${error.message}. ${error.hint ?? ""} It is asked again every few seconds, until it takes what it is asked`;
  return `the queue at ${place} does not answer (${error.message}); what waits there goes on when it does`;
}

/** Beside the runs that use them. */
export function hookDirOf({ stateDir }: Settings): string {
  return join(stateDir, "hooks");
}

/** Before anything of a run is handed out. @throws SpecError `refused.assets-too-large` */
export async function putAssets(
  run: Run,
  plan: Plan,
  settings: Settings,
  ledger: SharedLedger,
): Promise<void> {
  const { shareAssets } = await import("../running/share-assets.js");
  const { plannedFiles } = await import("../assets/planned-files.js");
  const directory = await assetDirectory(settings);
  await shareAssets(run.id, plan, {
    ledger: ledger.assets,
    directory,
    read: plannedFiles(hookDirOf(settings)),
  });
}

/** What a worker has, and gets, of the assets of runs. */
export async function ownAssets(settings: Settings, ledger: SharedLedger): Promise<AssetCache> {
  const { assetCache } = await import("../assets/asset-cache.js");
  const { privateFileSystem } = await import("../stores/local/local-file-system.js");
  const directory = await assetDirectory(settings);
  return assetCache({
    directory: join(settings.stateDir, "assets"),
    hookDir: hookDirOf(settings),
    blobStores: [ledger.assets, ...(directory === null ? [] : [directory])],
    fileSystem: privateFileSystem(),
    newId: newUuid,
    clock: systemClock,
  });
}

async function assetDirectory({ assetDir }: Settings): Promise<BlobStore | null> {
  if (assetDir === null) return null;
  const { sharedDirectory } = await import("../assets/shared-directory.js");
  const { localFileSystem } = await import("../stores/local/local-file-system.js");
  return sharedDirectory({ directory: assetDir, fileSystem: localFileSystem(), newId: newUuid });
}

/** Leaves a mark by which workers can tell that they see the output's place, and not one of the same name. */
export async function leaveMark(run: Run, outputRoot: string | null): Promise<void> {
  const place = stagingPathOf(run.job.write);
  if (place === null) return;
  const { markShared } = await import("../sinks/files/shared-path.js");
  const { outputFileSystem } = await import("./output-files.js");
  await markShared(await outputFileSystem(outputRoot), place, run.id);
}

/** What a worker asks of a task before it begins: that it sees the run's files, and has its assets. */
export function admitting(
  assets: AssetCache,
  { hooks }: Pick<Settings, "hooks">,
): (task: PartitionTask) => Promise<PartitionTask> {
  const seeFiles = sharedPlaces();
  return async (task) => {
    const hook = hooks ? undefined : task.plan.assets.find(({ role }) => role.endsWith("-hook"));
    if (hook !== undefined) throw hooksOff(hook.path);
    await seeFiles(task);
    const located = [];
    for (const asset of assetsToRun(task.plan)) located.push(await assets.locate(asset));
    return { ...task, plan: { ...task.plan, assets: located } };
  };
}

/** Looks for the mark once a run. @returns what refuses tasks whose files this machine does not see */
function sharedPlaces(): (task: PartitionTask) => Promise<void> {
  const seen = new Set<string>();
  return async ({ run }) => {
    const place = stagingPathOf(run.job.write);
    if (place === null || seen.has(run.id)) return;
    const { seesShared } = await import("../sinks/files/shared-path.js");
    const { localFileSystem } = await import("../stores/local/local-file-system.js");
    if (!(await seesShared(localFileSystem(), place, run.id, pause)))
      throw new SpecError("refused.not-shared", `${place} is not what the coordinator has there.`, {
        hint: "Files need a path that the coordinator and all workers share, under the same name; or write to a database.",
        details: { path: place },
      });
    seen.add(run.id);
  };
}

/** Why a run does not begin, for people. */
export function noWorkerFor({ id }: Run, { tag, lane }: Channel, workers: readonly SeenWorker[]): string {
  const there = workers.map(
    ({ host, pid, tags, lanes }) => `${host} (${pid}): ${tags.join(", ")}; ${lanes.join(", ")}`,
  );
  return [
    `${id} waits: no worker is there that takes partitions with the tag ${tag} in the lane ${lane}`,
    ...(there.length === 0 ? ["  no worker is there at all"] : there.map((each) => `  there is ${each}`)),
    `  start one with: nightshift worker${tag === usualTag ? "" : ` --tags ${tag}`}`,
  ].join("\n");
}

/** What a run waits for while nothing happens, for people. */
export function quietRun({ id }: Run, quietMs: number, ends: readonly LeaseEnd[]): string {
  if (ends.length === 0)
    return `${id}: for ${Math.round(quietMs / 1000)} s no worker has begun with what waits in the queue. The workers are busy with other runs, or cannot take it: see their logs, and nightshift doctor`;
  const held = ends.map(
    ({ partition, leftMs }) =>
      `partition ${partition} for another ${Math.max(0, Math.ceil(leftMs / 1000))} s unless it renews its lease`,
  );
  return `${id}: nothing has changed for ${Math.round(quietMs / 1000)} s. A worker holds ${held.join(", ")}; after that another worker gets it`;
}
