/** The metrics of one process, updated by the events of runs and attempts, read by scraping or pushed. */
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
  /** Reads the freshness of jobs from the ledger; without it, freshness metrics are absent. */
  readonly freshness?: () => Promise<readonly JobFreshness[]>;
  /** Returns the number of messages that no worker has taken, by queue. */
  readonly pending?: () => Promise<{ readonly [queue: string]: number }>;
  /** Workers run and count the attempts of runs that this process coordinates. */
  readonly attemptsElsewhere?: boolean;
  /** Called once for values that cannot be read, and again if they fail after a recovery. */
  readonly onTrouble?: (what: string, error: unknown) => void;
}

export interface Exposition {
  readonly contentType: string;
  readonly body: string;
}

export interface Metrics {
  /** For every run of this process. It forgets runs that have ended. */
  readonly observer: Observer;
  /** Announces a job that will run here: its series begin at 0, so that its first failure is an increase. */
  readonly expect: (job: string, trigger: Run["trigger"]) => void;
  /** For attempts at partitions of other processes' runs. */
  readonly attempt: (event: RunEventBody) => void;
  /**
   * Returns the metrics in the Prometheus text format, after reading the ledger and the queue. Never rejects:
   * values that cannot be read are omitted.
   */
  readonly metrics: () => Promise<Exposition>;
  /** Returns the metrics to be stored: without those that are only true at this moment. */
  readonly lasting: () => Promise<Exposition>;
}

/** Minimum interval between two reads of the ledger: listing its runs is slow if there are many. */
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

  /** One call at a time, since they fill the same gauges. */
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
      // Makes the next call read it again.
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
