/** Keeps the dispatcher busy until every partition is accepted, or until it is clear that the run cannot succeed. */

import type { Dispatcher } from "../dispatchers/dispatcher.js";
import { CancelledError, DataError, type NightshiftError } from "../errors.js";
import type { Lane } from "../job/lane.js";
import type { PartitionState, Receipt } from "../job/partition.js";
import type { Plan } from "../job/plan.js";
import type { Claim, Run } from "../job/run.js";
import type { Ledger } from "../ledgers/ledger.js";
import type { Emit } from "../observers/observer.js";
import { knownRows, type Reasons, refuseOverspent, sumReasons } from "../scoring/row-policy.js";
import type { Clock } from "../time/clock.js";
import { type AttemptOutcome, mustRunAlone } from "./attempts.js";
import { ProgressMeter } from "./progress-meter.js";

interface Dispatch {
  readonly run: Run;
  readonly claim: Claim;
  readonly plan: Plan;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  readonly lane: Lane;
  readonly dispatcher: MakeDispatcher;
}

/** @param wake receives the outcomes of enqueued partitions */
export type MakeDispatcher = (
  dispatched: { readonly run: Run; readonly claim: Claim; readonly plan: Plan; readonly lane: Lane },
  wake: (outcome: AttemptOutcome) => void,
) => Dispatcher | Promise<Dispatcher>;

export async function dispatchPartitions(dispatch: Dispatch): Promise<void> {
  const { run, claim, ledger, signal } = dispatch;
  const progress = new PartitionProgress(dispatch);
  for await (const state of ledger.listPartitions(run.id)) progress.add(state);
  if (progress.isDone) return;
  await ledger.reviveFailed(claim);

  const inbox = new Inbox<AttemptOutcome>();
  const dispatcher = await dispatch.dispatcher(dispatch, (outcome) => inbox.push(outcome));
  const onAbort = (): void => inbox.push("stop");
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    while (!progress.isDone) {
      if (signal.aborted) throw new CancelledError();
      while (progress.underWay < dispatcher.capacity) {
        const next = progress.takeWaiting();
        if (next === null) break;
        await dispatcher.enqueue(await ledger.leasePartition(claim, next.index), next.alone);
      }
      const outcome = await inbox.take();
      if (outcome !== "stop") progress.note(outcome);
    }
  } catch (error) {
    // Attempts stop between chunks; what they report until then goes to the ledger.
    await dispatcher.drain();
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
    await dispatcher.close();
  }
  progress.assertNonePoisoned();
}

/**
 * Tracks which partitions are waiting and in progress, and their results, from outcomes alone. There may be
 * 100,000 of them, so the cost of an outcome must not depend on the number of earlier ones.
 */
class PartitionProgress {
  /** Entries before `nextWaiting` were taken: removing the first entry of a long array is slow. */
  private readonly waiting: { readonly index: number; readonly alone: boolean }[] = [];
  private nextWaiting = 0;
  private readonly running = new Set<number>();
  /**
   * Attempt ids by partition: over a queue, a failure is read from the ledger, which no longer has the
   * attempt's id.
   */
  private readonly attempts = new Map<number, string>();
  private readonly poisoned: number[] = [];
  private lastDeath: NightshiftError | null = null;
  /** Reasons of accepted partitions. */
  private reasons: Reasons = {};
  private readonly meter: ProgressMeter;

  constructor(private readonly dispatch: Dispatch) {
    this.meter = new ProgressMeter(dispatch.plan.totals, dispatch.clock);
  }

  get isDone(): boolean {
    return this.nextWaiting === this.waiting.length && this.running.size === 0;
  }

  get underWay(): number {
    return this.running.size;
  }

  add(state: PartitionState): void {
    if (state.receipt === null) {
      this.waiting.push({ index: state.index, alone: mustRunAlone(state.lastError) });
      return;
    }
    this.reasons = sumReasons([this.reasons, state.receipt.reasons]);
    this.meter.skip(state.receipt.rows);
  }

  takeWaiting(): { readonly index: number; readonly alone: boolean } | null {
    const next = this.waiting[this.nextWaiting];
    if (next === undefined) return null;
    this.nextWaiting += 1;
    this.running.add(next.index);
    return next;
  }

  /** @throws an error that makes the run fail, so that nothing more is started */
  note(outcome: AttemptOutcome): void {
    const { emit } = this.dispatch;
    switch (outcome.type) {
      case "started":
        this.attempts.set(outcome.ref.partition, outcome.attemptId);
        emit({ type: "partition.started", ...outcome.ref, attemptId: outcome.attemptId });
        break;
      case "progress":
        this.meter.advance(outcome.ref.partition, outcome.rows, outcome.quarantined, outcome.step);
        break;
      case "accepted":
        this.accept(outcome.receipt);
        break;
      case "failed":
        emit({
          type: "partition.failed",
          ...outcome.ref,
          attemptId: this.attempts.get(outcome.ref.partition) ?? null,
          error: outcome.failure.error,
          next: outcome.failure.next,
        });
        this.fail(outcome.ref.partition, outcome.failure.next, outcome.error);
        break;
      case "fenced":
        emit({
          type: "partition.fenced",
          ...outcome.ref,
          attemptId: outcome.attemptId,
          refused: outcome.refused,
        });
        break;
      case "host-died":
        emit({
          type: "host.died",
          reason: outcome.reason,
          cause: outcome.cause,
          partitions: outcome.partitions,
        });
        break;
      case "ledger-failed":
        throw outcome.error;
    }
    const progress = this.meter.read();
    if (progress !== null) emit({ type: "run.progress", ...progress });
  }

  private accept(receipt: Receipt): void {
    const { emit, plan } = this.dispatch;
    this.running.delete(receipt.ref.partition);
    this.reasons = sumReasons([this.reasons, receipt.reasons]);
    this.meter.finish(receipt.ref.partition, receipt.rows);
    const { ref, attemptId, rows, stats } = receipt;
    emit({ type: "partition.accepted", ...ref, attemptId, rows, stats });
    refuseOverspent(plan.job.rowPolicy, this.reasons, knownRows(plan.totals));
  }

  /** An error that a retry cannot resolve ends the run; a poisoned partition lets the others finish first. */
  private fail(partition: number, next: "pending" | "failed" | "poisoned", error: NightshiftError): void {
    this.running.delete(partition);
    this.attempts.delete(partition);
    this.meter.reset(partition);
    if (next === "pending") this.waiting.push({ index: partition, alone: mustRunAlone(error) });
    if (next === "poisoned") {
      this.poisoned.push(partition);
      this.lastDeath = error;
    }
    if (next === "failed") throw error;
  }

  assertNonePoisoned(): void {
    if (this.poisoned.length === 0) return;
    throw new DataError(
      "data.partition-poisoned",
      `${this.poisoned.length === 1 ? "Partition" : "Partitions"} ${this.poisoned.join(", ")} ${whatTheyDid(this.lastDeath)}; all others are done, and nothing is published. ${this.lastDeath?.message ?? ""}`,
      {
        hint: whatHelps(this.lastDeath, this.dispatch.run.id),
        details: { partitions: this.poisoned, cause: blameOf(this.lastDeath) },
      },
    );
  }
}

function whatTheyDid(lastDeath: NightshiftError | null): string {
  return lastDeath?.code === "infra.lease-expired"
    ? "repeatedly crashed workers"
    : "killed the worker host three times, each time alone in a fresh one";
}

type Blame = "memory" | "lease" | "signal" | "file-or-model";

/**
 * A host that another process ended says nothing about the file: most often the kernel ended it because
 * memory was exhausted.
 */
function blameOf(lastDeath: NightshiftError | null): Blame {
  const { maxBytes, signal } = lastDeath?.details ?? {};
  if (maxBytes !== undefined) return "memory";
  if (lastDeath?.code === "infra.lease-expired") return "lease";
  return signal === "SIGKILL" || signal === "SIGTERM" ? "signal" : "file-or-model";
}

function whatHelps(lastDeath: NightshiftError | null, runId: string): string {
  const retry = `nightshift retry ${runId}`;
  switch (blameOf(lastDeath)) {
    case "memory":
      return `Set a larger NIGHTSHIFT_MEMORY on a machine with more memory, then finish with ${retry}. Or write the file with smaller row groups, or leave columns out, then start over with --restart.`;
    case "lease":
      return `Check which resource the workers' machines ran out of, most often memory, then finish with ${retry}.`;
    case "signal":
      return `Another process ended the host, most often the kernel because memory was exhausted: check the kernel's log (dmesg), make more memory available, then finish with ${retry}.`;
    case "file-or-model":
      return `See what they were doing with nightshift errors ${runId}, repair or remove the file or the model, then start over with --restart.`;
  }
}

/** Outcomes in order of arrival, for a single reader. */
class Inbox<T> {
  private readonly items: (T | "stop")[] = [];
  private wake: (() => void) | null = null;

  push(item: T | "stop"): void {
    this.items.push(item);
    this.wake?.();
  }

  async take(): Promise<T | "stop"> {
    while (true) {
      const item = this.items.shift();
      if (item !== undefined) return item;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }
}
