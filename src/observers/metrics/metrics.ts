/** The metrics of one process: fed by what happens to runs and attempts, read by whoever scrapes or pushes them. */
import { Registry } from "prom-client";
import type { JobFreshness, Run } from "../../job/run.js";
import type { RunEventBody } from "../../job/run-events.js";
import type { Clock } from "../../time/clock.js";
import type { Observer } from "../observer.js";
import { attemptMetrics, beginAttempts } from "./attempt-metrics.js";
import { families } from "./families.js";
import { beginRuns, runMetrics } from "./run-metrics.js";

export interface MetricsOptions {
  readonly clock: Clock;
  /** What the ledger knows of jobs; without it nothing is said of their freshness. */
  readonly freshness?: () => Promise<readonly JobFreshness[]>;
  /** Messages that nobody has taken, by queue. */
  readonly pending?: () => Promise<{ readonly [queue: string]: number }>;
  /** Workers make the attempts of runs that this process coordinates, and count them. */
  readonly attemptsElsewhere?: boolean;
  /** Told once of what cannot be read, and again after it could be. */
  readonly onTrouble?: (what: string, error: unknown) => void;
}

export interface Exposition {
  readonly contentType: string;
  readonly body: string;
}

export interface Metrics {
  /** For every run of this process; keeps nothing of one that has ended. */
  readonly observer: Observer;
  /** A job that will run here: its series begin at 0, so that its first failure is an increase. */
  readonly expect: (job: string, trigger: Run["trigger"]) => void;
  /** For attempts at partitions of other processes' runs. */
  readonly attempt: (event: RunEventBody) => void;
  /** As Prometheus reads them, asking ledger and queue first. Never rejects: what cannot be read is left out. */
  readonly metrics: () => Promise<Exposition>;
  /** The same for who keeps it: without what is true only now. */
  readonly lasting: () => Promise<Exposition>;
}

/** A ledger is asked no more often: listing its runs takes a moment where there are many. */
const freshnessMs = 15_000;

export function createMetrics(options: MetricsOptions): Metrics {
  const { clock, pending, onTrouble = () => undefined } = options;
  const registry = new Registry();
  const of = families(registry);
  const ofRuns = runMetrics(of);
  const attempt = attemptMetrics(of);
  if (options.attemptsElsewhere !== true) beginAttempts(of);
  const troubled = new Set<string>();
  let jobs: readonly JobFreshness[] = [];
  let readAtMs = Number.NEGATIVE_INFINITY;
  let turn: Promise<unknown> = Promise.resolve();

  async function told<T>(what: string, work: () => Promise<T>): Promise<T | null> {
    try {
      const result = await work();
      troubled.delete(what);
      return result;
    } catch (error) {
      if (!troubled.has(what)) onTrouble(what, error);
      troubled.add(what);
      return null;
    }
  }

  async function readJobs(): Promise<void> {
    if (options.freshness === undefined || clock.monotonicMs() - readAtMs < freshnessMs) return;
    const read = await told("the ledger", options.freshness);
    if (read === null) return;
    jobs = read;
    readAtMs = clock.monotonicMs();
  }

  async function readQueue(): Promise<void> {
    of.queuePending.reset();
    if (pending === undefined) return;
    const messages = await told("the queue", pending);
    for (const [queue, count] of Object.entries(messages ?? {})) of.queuePending.set({ queue }, count);
  }

  async function expose(isLasting: boolean): Promise<Exposition> {
    await Promise.all([readJobs(), isLasting ? undefined : readQueue()]);
    of.lastSuccess.reset();
    of.freshness.reset();
    if (isLasting) of.queuePending.reset();
    for (const { job, lastSuccess, freshSince } of jobs) {
      of.lastSuccess.set({ job }, Date.parse(lastSuccess) / 1000);
      const age = (clock.now().getTime() - Date.parse(freshSince)) / 1000;
      if (!isLasting) of.freshness.set({ job }, Math.max(0, age));
    }
    return { contentType: registry.contentType, body: await registry.metrics() };
  }

  /** One after the other: they fill the same gauges. */
  function inTurn(isLasting: boolean): Promise<Exposition> {
    const exposed = turn.then(() => expose(isLasting));
    turn = exposed.catch(() => undefined);
    return exposed;
  }

  const observer: Observer = {
    on(event) {
      ofRuns.on(event);
      if (options.attemptsElsewhere !== true) attempt(event);
    },
    ended(end) {
      ofRuns.ended?.(end);
      // The next reader shall see it.
      readAtMs = Number.NEGATIVE_INFINITY;
    },
  };
  return {
    observer,
    expect: (job, trigger) => beginRuns(of, job, trigger),
    attempt,
    metrics: () => inTurn(false),
    lasting: () => inTurn(true),
  };
}
