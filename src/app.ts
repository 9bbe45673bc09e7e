/** Composition root: puts implementations behind the contracts, for the command line and for the library. */
import { hostname } from "node:os";
import { hostEnvironment, type Settings } from "./config.js";
import type { WorkerHost } from "./host/host.js";
import type { Connection, ConnectionUrl } from "./job/connection.js";
import type { InputSpec } from "./job/input.js";
import { channelsOf, usualTag } from "./job/lane.js";
import type { WriteSpec } from "./job/output.js";
import { sinkAdapter, sourceAdapter } from "./registry.js";
import { ledgerReporter, maxExpiries } from "./running/attempts.js";
import type { MakeDispatcher } from "./running/dispatch-partitions.js";
import type { Runner } from "./running/runner.js";
import type { App, WorkerOptions } from "./service/context.js";
import type { Closable } from "./sinks/adapter.js";
import type { Sink } from "./sinks/sink.js";
import type { InputKeeper } from "./sources/source.js";
import type { Secrets } from "./spec/secrets.js";
import type { Clock } from "./time/clock.js";
import { ineffectiveSettings } from "./wiring/ineffective-settings.js";
import { openLedger, openStores } from "./wiring/open-ledger.js";
import { packagedPath } from "./wiring/packaged.js";
import {
  admitting,
  hookDirOf,
  isShared,
  leaveMark,
  noWorkerFor,
  openQueue,
  ownAssets,
  putAssets,
  queueTrouble,
  queueWatch,
  quietRun,
  sharedLedger,
} from "./wiring/queue-parts.js";
import { every, newUuid, pause, systemClock } from "./wiring/system-clock.js";
import type { QueueWorker } from "./worker/queue-worker.js";

export interface AppOptions {
  /** Receives what native code prints in worker hosts. */
  readonly onHostOutput?: (text: string) => void;
  /** Receives what people should know while a run goes on. */
  readonly onWarning?: (text: string) => void;
  /** In place of the machine's, for runs, their ledger and what they publish. */
  readonly clock?: Clock;
  /** Learns passwords of databases and queues, so that they can be masked. */
  readonly secrets?: Secrets;
}

export function createApp(settings: Settings, options: AppOptions = {}): App {
  const {
    onHostOutput = () => undefined,
    onWarning = () => undefined,
    secrets,
    clock = systemClock,
  } = options;
  let host: WorkerHost | null = null;
  const openForSinks = new Map<string, Promise<Closable>>();
  let hostThreads = settings.cores;
  let liveUntilMs: number | null = null;
  const watch = queueWatch((error) => {
    void queue.opened()?.then((open) => onWarning(queueTrouble(open, error)));
  });
  const queue = once(() => openQueue(settings, secrets, watch.failed));
  const ledger = once(() => openLedger(settings, secrets, clock));
  const stores = once(() => openStores(settings, secrets));
  const warnIneffective = ineffectiveSettings(settings, onWarning);

  async function currentHost(): Promise<() => WorkerHost> {
    const { childProcessHost } = await import("./host/child-process-host.js");
    const entry = packagedPath("dist/bundle/worker-host.js");
    const hookDir = hookDirOf(settings);
    return () => {
      if (host === null || host.isGone()) {
        host = childProcessHost({
          entry,
          threads: hostThreads,
          hookDir,
          environment: hostEnvironment(settings),
          maxBytes: settings.hostBytes,
          memoryBytes: settings.memoryBytes,
          onStderr: onHostOutput,
        });
        if (liveUntilMs !== null) host.liveFor(Math.max(0, liveUntilMs - clock.monotonicMs()));
      }
      return host;
    };
  }

  /** One for all sinks that name the same key, closed with the app. */
  async function sharedBySinks<T extends Closable>(key: string, open: () => Promise<T>): Promise<T> {
    const known = openForSinks.get(key);
    if (known !== undefined) return known as Promise<T>;
    const opening = open();
    openForSinks.set(key, opening);
    opening.catch(() => openForSinks.delete(key));
    return opening;
  }

  async function resolve(connection: Connection): Promise<ConnectionUrl> {
    const { resolveConnection } = await import("./wiring/resolve-connection.js");
    const { environment } = settings;
    return resolveConnection(connection, secrets === undefined ? { environment } : { environment, secrets });
  }

  const sink = async (write: WriteSpec): Promise<Sink> =>
    sinkAdapter(write).open(write, {
      clock,
      newId: newUuid,
      fileSystem: async () => {
        const { outputFileSystem } = await import("./wiring/output-files.js");
        return outputFileSystem(settings.outputRoot);
      },
      join: async (parts, path) => (await currentHost())().call("join", { parts, to: path }),
      resolve,
      shared: sharedBySinks,
      onWait: onWarning,
    });

  const keeper = async (input: InputSpec): Promise<InputKeeper | null> =>
    (await sourceAdapter(input).openKeeper?.(input, { resolve })) ?? null;

  const runner = once(async (): Promise<Runner> => {
    const { createRunner } = await import("./running/runner.js");
    const { localDispatcher } = await import("./dispatchers/local/local-dispatcher.js");
    const { processes } = await import("./ledgers/journal/processes.js");
    const hostNow = await currentHost();
    const opened = await ledger();
    return createRunner({
      ledger: opened,
      clock,
      self: processes().self(),
      cores: settings.cores,
      memoryBytes: settings.memoryBytes,
      planningHost: hostNow,
      sink,
      keeper,
      pause,
      workers: async (tag, lane) => {
        if (settings.queue === null) return null;
        const seen = await sharedLedger(opened).listWorkers();
        const able = seen.filter(({ tags, lanes }) => tags.includes(tag) && lanes.includes(lane));
        return { count: able.length, threads: able.reduce((sum, { threads }) => sum + threads, 0) };
      },
      dispatcher: async (dispatched, wake) => {
        warnIneffective(dispatched.plan.job);
        if (settings.queue !== null) return dispatchOverQueue(dispatched, wake);
        const threads = dispatched.plan.threads;
        const reporter = ledgerReporter(opened, wake);
        return localDispatcher({ threads, host: hostNow, reporter, newId: newUuid });
      },
    });
  });

  const dispatchOverQueue: MakeDispatcher = async ({ run, claim, plan, lane }, wake) => {
    const { queueDispatcher } = await import("./dispatchers/queue/queue-dispatcher.js");
    const shared = sharedLedger(await ledger());
    const opened = await queue();
    await putAssets(run, plan, settings, shared);
    await leaveMark(run, settings.outputRoot);
    const channel = { tag: plan.job.runsOn ?? usualTag, lane };
    return queueDispatcher({
      queue: opened,
      channel,
      ledger: shared,
      claim,
      wake,
      clock,
      pause,
      maxExpiries,
      onQuiet: (quietMs, ends) => onWarning(quietRun(run, quietMs, ends)),
      onNoWorker: (workers) => onWarning(noWorkerFor(run, channel, workers)),
      onTrouble: (error) => (error === null ? watch.answered() : watch.failed(error)),
    });
  };

  async function worker({
    threads,
    tags,
    lanes,
    version,
    leaseMs,
    tell,
  }: WorkerOptions): Promise<QueueWorker> {
    const { startQueueWorker } = await import("./worker/queue-worker.js");
    const { attemptsAtOnce } = await import("./worker/take-messages.js");
    const { localDispatcher } = await import("./dispatchers/local/local-dispatcher.js");
    const shared = sharedLedger(await ledger());
    const opened = await queue();
    const atOnce = attemptsAtOnce(threads, lanes);
    hostThreads = atOnce;
    const hostNow = await currentHost();
    return startQueueWorker({
      queue: opened,
      channels: channelsOf(tags, lanes),
      ledger: shared,
      threads,
      leaseMs,
      memoryBytes: settings.memoryBytes,
      host: hostname(),
      note: { id: newUuid(), host: hostname(), pid: process.pid, version, threads, tags, lanes },
      clock,
      every,
      pause,
      runner: (reporter) => localDispatcher({ threads: atOnce, host: hostNow, reporter, newId: newUuid }),
      admit: admitting(await ownAssets(settings, shared), settings),
      liveFor(ms) {
        liveUntilMs = ms === null ? null : clock.monotonicMs() + ms;
        host?.liveFor(ms);
      },
      tell(event) {
        if (event.type === "started" || event.type === "outdated") watch.answered();
        tell(event);
      },
    });
  }

  return {
    settings,
    ledger,
    backfillStore: async () => (await stores()).backfills,
    scheduleStore: async () => (await stores()).schedules,
    noticeStore: async () => (await stores()).notices,
    queue,
    worker,
    runner,
    host: async () => (await currentHost())(),
    processes: async () => (await import("./ledgers/journal/processes.js")).processes(),
    sink,
    keeper,
    async collectGarbage(dryRun, keepRunsMs) {
      const { collectGarbage } = await import("./running/collect-garbage.js");
      const { processes } = await import("./ledgers/journal/processes.js");
      const opened = await ledger();
      const assets = isShared(opened) ? opened.assets : null;
      const self = processes().self();
      return collectGarbage({ ledger: opened, self, sink, keeper, assets, clock, keepRunsMs }, dryRun);
    },
    close: async () => {
      await queue.opened()?.then(
        (open) => open.close(),
        () => undefined,
      );
      await host?.close();
      // Open errors were already reported.
      await ledger.opened()?.then(
        (open) => open.close(),
        () => undefined,
      );
      await stores.opened()?.then(
        (open) => open.close(),
        () => undefined,
      );
      for (const opened of openForSinks.values())
        await opened.then(
          (open) => open.close(),
          () => undefined,
        );
    },
  };
}

/** Made at the first call, kept for the next; what could not be made is tried again. `opened` tells whether it was made. */
function once<T>(make: () => Promise<T>): (() => Promise<T>) & { readonly opened: () => Promise<T> | null } {
  let made: Promise<T> | null = null;
  const get = (): Promise<T> => {
    if (made !== null) return made;
    const making = make();
    made = making;
    making.catch(() => {
      made = null;
    });
    return making;
  };
  return Object.assign(get, { opened: () => made });
}
