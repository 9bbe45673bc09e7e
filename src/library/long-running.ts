/** Backfills, services and workers inside a program. Each has worker hosts of its own. */
import { apiPlace } from "../api/listen.js";
import { openApi } from "../api/server.js";
import { laneNames, usualTag } from "../job/lane.js";
import { backfill } from "../service/backfill.js";
import { type ServiceContext, warningNote } from "../service/context.js";
import { localPath } from "../service/paths.js";
import { type ServeEnd, type ServiceEvent, serve } from "../service/serve.js";
import { packageVersion } from "../wiring/packaged.js";
import type { WorkerEvent } from "../worker/queue-worker.js";
import type {
  BackfillEvent,
  BackfillOptions,
  BackfillOutcome,
  ServeOptions,
  WorkerOptions,
} from "./options.js";

export async function backfillHere(
  context: ServiceContext,
  job: string,
  options: BackfillOptions,
  emit: (event: BackfillEvent) => void,
  stop: AbortSignal,
): Promise<BackfillOutcome> {
  const { from, to, vars, reprocess = "missing", maxParallel = 1, maxFailures, waitForMs } = options;
  const { newestFirst = false, dryRun = false, restart = false, takeOver = false } = options;
  const note = (text: string): void => context.note(warningNote(text));
  const { over, decisions, ends, isCancelled, seconds } = await backfill(
    context,
    job,
    {
      from,
      to,
      ...(vars === undefined ? {} : { var: vars }),
      reprocess,
      maxParallel,
      maxFailures,
      newestFirst,
      dryRun,
      restart,
      takeOver,
      waitForMs,
    },
    {
      onResume: () => undefined,
      onDecisions: (_, all) => emit({ type: "backfill.decided", decisions: all }),
      confirm: async () => undefined,
      onFewerSlots: (slots) => note(`${slots} at a time: there are no more cores`),
      onWait: ({ error }) => note(`${error.message}: waiting for it`),
      observersOf: () => [],
      onEnd: (end) => emit({ type: "interval.ended", end }),
      signal: () => stop,
    },
  );
  return { job: over.name, decisions, ends: ends ?? [], isCancelled, seconds };
}

export async function serveHere(
  context: ServiceContext,
  options: ServeOptions,
  emit: (event: ServiceEvent) => void,
  stopping: AbortSignal,
): Promise<ServeEnd> {
  const { jobs = "jobs", maxParallel = 1, listen = "none", tokenFile, drainMs = 20_000 } = options;
  const place = apiPlace(context, { listen, ...(tokenFile === undefined ? {} : { tokenFile }) });
  return serve(context, {
    folder: localPath(jobs, context.cwd),
    maxParallel,
    stopping,
    drainMs,
    tell: emit,
    progress: () => [],
    onDraining: () => undefined,
    async openInterfaces(service, watch) {
      if (place === null) return { close: async () => undefined };
      return openApi(context, service, place, {
        isDraining: () => stopping.aborted,
        tell: emit,
        metrics: () => watch.metrics.metrics(),
      });
    },
  });
}

/** @throws the reason why the worker can take no partitions */
export async function workHere(
  context: ServiceContext,
  options: WorkerOptions,
  emit: (event: WorkerEvent) => void,
  stop: AbortSignal,
): Promise<void> {
  const { threads = context.settings.cores, tags = [usualTag], lanes = laneNames } = options;
  const { leaseMs = 30_000, graceMs = 30_000 } = options;
  const app = await context.app();
  const worker = await app.worker({ threads, tags, lanes, leaseMs, version: packageVersion(), tell: emit });
  const refused = await Promise.race([aborted(stop), worker.refused]);
  await worker.stop(graceMs);
  if (refused !== undefined) throw refused;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done();
    else signal.addEventListener("abort", () => done(), { once: true });
  });
}
