/**
 * Coordinators and workers that run the product's code over a simulated ledger and a simulated queue that keeps no promise,
 * while processes stop, go on and die. Everything comes from one seed.
 */

import type { AttemptReporter, AttemptRunner } from "../../src/dispatchers/dispatcher.js";
import { messageId } from "../../src/dispatchers/queue/message.js";
import { queueDispatcher } from "../../src/dispatchers/queue/queue-dispatcher.js";
import type { Message, Queue } from "../../src/dispatchers/queue.js";
import { CancelledError, InfraError, NightshiftError } from "../../src/errors.js";
import { channelsOf, laneNames, usualLane, usualTag } from "../../src/job/lane.js";
import type { PartitionRef } from "../../src/job/partition.js";
import { maxExpiries } from "../../src/running/attempts.js";
import { dispatchPartitions } from "../../src/running/dispatch-partitions.js";
import { startQueueWorker } from "../../src/worker/queue-worker.js";
import { aPlan, aReceipt, aRun } from "./runs.js";
import { type LedgerFaults, type SimulatedLedger, simulatedLedger } from "./simulated-ledger.js";
import { type SimulatedProcess, type Simulation, simulatedProcess, simulation } from "./simulation.js";

export interface FleetFaults extends LedgerFaults {
  /** Messages are named without their epoch. */
  readonly forgetsEpochs?: true;
  readonly neverReconciles?: true;
  readonly outlivesLeases?: true;
  /** A partition that takes every worker down that begins with it. */
  readonly killer?: number;
}

export interface SimulatedRun {
  readonly isFinished: boolean;
  readonly ledger: SimulatedLedger;
  /** Partitions that two hosts worked on at once, as `<partition> at <ms>`. */
  readonly overlaps: readonly string[];
  readonly tookMs: number;
  /** What the run ended with. */
  readonly error: unknown;
}

const partitions = 8;
const leaseMs = 3_000;
const lockMs = 15_000;
/** Nothing goes wrong after this, and the run must end. */
const calmFromMs = 30_000;
const limitMs = 200_000;

export async function simulateRun(seed: number, faults: FleetFaults = {}): Promise<SimulatedRun> {
  const world = simulation(seed);
  const { after, between, random, nowMs } = world;
  const ledger = simulatedLedger(nowMs, partitions, faults);
  const broker = unreliableBroker(world, faults);
  const overlaps: string[] = [];
  const working = new Map<string, number>();
  const workers: SimulatedProcess[] = [];
  let coordinator = simulatedProcess(world);
  let settle: (error: unknown) => void = () => undefined;
  const finished = new Promise<unknown>((resolve) => {
    settle = resolve;
  });
  let attempts = 0;

  function coordinate(): void {
    const process = simulatedProcess(world);
    coordinator = process;
    const claim = ledger.claim();
    const plan = aPlan(partitions);
    const seen = ledger.seenBy(process);
    const clock = { now: () => new Date(nowMs()), monotonicMs: nowMs };
    dispatchPartitions({
      run: aRun("run"),
      claim,
      plan,
      ledger: seen,
      clock,
      emit: () => undefined,
      lane: usualLane,
      signal: new AbortController().signal,
      dispatcher: (_, wake) =>
        queueDispatcher({
          queue: broker.seenBy(process),
          channel: { tag: usualTag, lane: usualLane },
          ledger: seen,
          claim,
          wake,
          clock,
          pause: process.pause,
          onTrouble: () => undefined,
          maxExpiries,
          timing: {
            readEveryMs: 500,
            ...(faults.neverReconciles === true ? { reconcileEveryMs: limitMs } : {}),
          },
        }),
    }).then(
      () => settle(null),
      (error) => isOvertaken(error) || settle(error),
    );
  }

  function work(): void {
    const process = simulatedProcess(world);
    workers.push(process);
    let host = { isDead: false, ends: new Set<() => void>(), untilMs: Infinity };

    function killHost(): void {
      const dying = host;
      host = { isDead: false, ends: new Set(), untilMs: Infinity };
      dying.isDead = true;
      for (const end of dying.ends) end();
    }

    startQueueWorker({
      queue: broker.seenBy(process),
      channels: channelsOf([usualTag], laneNames),
      ledger: ledger.seenBy(process),
      threads: 2,
      leaseMs,
      // Partitions of the plan need 4,096 bytes each.
      memoryBytes: random() < 0.3 ? 4_096 : 1_000_000,
      host: "a-machine",
      clock: { now: () => new Date(nowMs()), monotonicMs: nowMs },
      every: process.every,
      pause: process.pause,
      runner: (reporter) => simulatedRunner(reporter),
      admit: async (task) => task,
      note: { id: "", host: "", pid: 0, version: "", threads: 2, tags: [usualTag], lanes: laneNames },
      // The host is a process of its own: it ends itself whether this one runs or not.
      liveFor(ms) {
        const its = host;
        its.untilMs = ms === null ? Infinity : nowMs() + ms;
        if (ms !== null && faults.outlivesLeases !== true)
          after(ms, () => {
            if (!its.isDead && nowMs() >= its.untilMs) killHost();
          });
      },
      tell: () => undefined,
    });
    deaths.set(process, killHost);

    function simulatedRunner(reporter: AttemptReporter): AttemptRunner {
      const abandoning = new Map<string, () => void>();
      return {
        async perform(ref) {
          attempts += 1;
          const attemptId = `attempt-${attempts}`;
          await attempt(ref, attemptId).catch(() => undefined);
          abandoning.delete(attemptId);
        },
        abandon: (attemptId) => abandoning.get(attemptId)?.(),
        drain: async () => undefined,
        close: async () => undefined,
      };

      async function attempt(ref: PartitionRef, attemptId: string): Promise<void> {
        if ((await reporter.start(ref, attemptId)) === "fenced") return;
        const how = await worked(ref.partition, attemptId);
        if (how === "done") await reporter.succeed(aReceipt(ref, attemptId));
        else if (how === "abandoned") await reporter.fail(ref, attemptId, new CancelledError(), "released");
        else {
          const death = new InfraError("infra.host-died", "it died");
          await reporter.fail(ref, attemptId, death, "host-died-shared");
        }
      }

      function worked(partition: number, attemptId: string): Promise<"done" | "died" | "abandoned"> {
        return new Promise((resolve) => {
          const its = host;
          let isOver = false;
          // A process that takes a run over leases anew what others still work on: they learn it at their next renewal.
          const place = `${partition}, claim ${ledger.claimOf(attemptId)}`;
          const inParallel = (working.get(place) ?? 0) + 1;
          working.set(place, inParallel);
          if (inParallel > 1) overlaps.push(`${place} at ${Math.round(nowMs())} ms`);
          const end = (how: "done" | "died" | "abandoned"): void => {
            if (isOver) return;
            isOver = true;
            its.ends.delete(died);
            working.set(place, (working.get(place) ?? 1) - 1);
            process.deliver(() => resolve(how));
          };
          const died = (): void => end("died");
          its.ends.add(died);
          abandoning.set(attemptId, () => end("abandoned"));
          if (partition === faults.killer) after(between(0, 500), () => crash(process));
          else after(between(50, 6_000), () => end("done"));
        });
      }
    }
  }

  const deaths = new Map<SimulatedProcess, () => void>();

  function crash(worker: SimulatedProcess): void {
    if (worker.isDead()) return;
    worker.die();
    deaths.get(worker)?.();
    after(between(0, 2_000), work);
  }

  /** An actor that breaks things, until the calm phase begins. */
  function disturb(): void {
    if (nowMs() >= calmFromMs) {
      for (const worker of workers) worker.goOn();
      if (workers.every((worker) => worker.isDead())) work();
      return;
    }
    const worker = workers[Math.floor(random() * workers.length)];
    const choice = random();
    if (choice < 0.3 && worker !== undefined) crash(worker);
    else if (choice < 0.6 && worker !== undefined) {
      worker.stop();
      after(between(500, 8_000), () => worker.goOn());
    } else if (choice < 0.7) broker.flush();
    else if (choice < 0.85) broker.goAway(between(500, 20_000));
    else if (choice < 0.93) {
      coordinator.die();
      after(between(0, 4_000), coordinate);
    } else {
      const stopped = coordinator;
      stopped.stop();
      after(between(100, 4_000), coordinate);
      after(between(4_000, 10_000), () => stopped.goOn());
    }
    after(between(200, 6_000), disturb);
  }

  for (let index = 0; index < 3; index++) work();
  after(between(0, 3_000), disturb);
  coordinate();
  const isFinished = await world.runUntil(finished, limitMs);
  const error = isFinished ? await finished : null;
  if (error !== null && faults.killer === undefined) throw error;
  return { isFinished, ledger, overlaps, tookMs: nowMs(), error };
}

function isOvertaken(error: unknown): boolean {
  return error instanceof NightshiftError && error.code === "infra.claim-lost";
}

interface UnreliableBroker {
  seenBy(process: SimulatedProcess): Queue;
  flush(): void;
  goAway(ms: number): void;
}

/** Loses, repeats and delays; takes a message for another of the same name while it has that one. */
function unreliableBroker(world: Simulation, faults: FleetFaults): UnreliableBroker {
  const { after, between, random, nowMs } = world;
  const held = new Map<string, { readonly ref: PartitionRef; isTaken: boolean }>();
  let repeats = 0;
  let awayUntilMs = 0;

  const nameOf = (ref: PartitionRef): string =>
    messageId(faults.forgetsEpochs === true ? { ...ref, epoch: 0 } : ref);

  async function whenThere(process: SimulatedProcess): Promise<void> {
    while (nowMs() < awayUntilMs) await process.pause(awayUntilMs - nowMs() + 1);
  }

  function handOut(taker: SimulatedProcess): Message | null {
    for (const [name, message] of held) {
      if (message.isTaken) continue;
      message.isTaken = true;
      // Some come twice, now or much later.
      if (random() < 0.1) after(between(0, 20_000), () => repeat(message.ref));
      // Its taker was silent for a while.
      after(lockMs, () => {
        if (taker.isDead()) message.isTaken = false;
      });
      const done = (): void => void (held.get(name) === message && held.delete(name));
      return { ref: message.ref, done };
    }
    return null;
  }

  function repeat(ref: PartitionRef): void {
    repeats += 1;
    held.set(`again ${repeats} ${messageId(ref)}`, { ref, isTaken: false });
  }

  return {
    flush: () => held.clear(),
    goAway(ms) {
      awayUntilMs = nowMs() + ms;
    },
    seenBy: (process) => ({
      place: "a simulation",
      pending: async () => ({}),
      async push(refs) {
        await whenThere(process);
        await process.ask(() => {
          for (const ref of refs)
            if (random() >= 0.1 && !held.has(nameOf(ref))) held.set(nameOf(ref), { ref, isTaken: false });
        });
      },
      async take({ lane }) {
        if (lane !== usualLane) return null;
        await whenThere(process);
        return process.ask(() => handOut(process));
      },
      close: async () => undefined,
    }),
  };
}
