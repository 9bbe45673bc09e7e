/**
 * Time, processes and what goes wrong with them, from a seed. Nothing here waits for a real clock: what is due next happens
 * next, and everything that it sets off has happened before time goes on.
 */
import { seededRandom } from "./seeded-random.js";

export interface Simulation {
  readonly nowMs: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  /** From `least` to below `most`. */
  between(least: number, most: number): number;
  after(ms: number, work: () => void): void;
  /** Until the promise has settled, or this time has gone by. @returns whether it has */
  runUntil(settled: Promise<unknown>, limitMs: number): Promise<boolean>;
}

export function simulation(seed: number): Simulation {
  const random = seededRandom(seed);
  const due: { readonly atMs: number; readonly order: number; readonly work: () => void }[] = [];
  let nowMs = 0;
  let order = 0;

  function takeNext(): (() => void) | null {
    let first = 0;
    for (let index = 1; index < due.length; index++) {
      const [a, b] = [due[index], due[first]];
      if (a !== undefined && b !== undefined && (a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)))
        first = index;
    }
    const [next] = due.splice(first, 1);
    if (next === undefined) return null;
    nowMs = Math.max(nowMs, next.atMs);
    return next.work;
  }

  return {
    nowMs: () => nowMs,
    random,
    between: (least, most) => least + random() * (most - least),
    after(ms, work) {
      order += 1;
      due.push({ atMs: nowMs + ms, order, work });
    },
    async runUntil(settled, limitMs) {
      let isSettled = false;
      const settle = (): void => {
        isSettled = true;
      };
      settled.then(settle, settle);
      while (nowMs < limitMs) {
        await microtasks();
        if (isSettled) return true;
        const work = takeNext();
        if (work === null) return false;
        work();
      }
      return false;
    },
  };
}

function microtasks(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** One that may be stopped, go on, or die; what it waits for comes when it runs again, or never. */
export interface SimulatedProcess {
  /** Lets it come to know something. */
  deliver(work: () => void): void;
  pause(ms: number, signal?: AbortSignal): Promise<void>;
  every(intervalMs: number, work: () => void): () => void;
  /** Asks a server, which does it even if no client is left to receive the answer. */
  ask<T>(serve: () => T): Promise<T>;
  stop(): void;
  goOn(): void;
  die(): void;
  isDead(): boolean;
}

export function simulatedProcess({ after, between }: Simulation): SimulatedProcess {
  let state: "running" | "stopped" | "dead" = "running";
  let missed: (() => void)[] = [];
  const roundTripMs = (): number => between(0, 5) + (between(0, 1) < 0.02 ? between(0, 1_000) : 0);

  function deliver(work: () => void): void {
    if (state === "running") work();
    if (state === "stopped") missed.push(work);
  }

  return {
    deliver,
    pause: (ms, signal) =>
      new Promise((resolve) => {
        const onAbort = (): void => deliver(resolve);
        signal?.addEventListener("abort", onAbort, { once: true });
        after(ms, () => {
          signal?.removeEventListener("abort", onAbort);
          deliver(resolve);
        });
      }),
    every(intervalMs, work) {
      let isOver = false;
      const next = (): void =>
        after(intervalMs, () => {
          if (isOver || state === "dead") return;
          deliver(work);
          next();
        });
      next();
      return () => {
        isOver = true;
      };
    },
    ask: <T>(serve: () => T) =>
      new Promise<T>((resolve, reject) => {
        after(roundTripMs(), () => {
          let answer: () => void;
          try {
            const value = serve();
            answer = () => resolve(value);
          } catch (error) {
            answer = () => reject(error);
          }
          after(roundTripMs(), () => deliver(answer));
        });
      }),
    stop() {
      if (state === "running") state = "stopped";
    },
    goOn() {
      if (state !== "stopped") return;
      state = "running";
      const all = missed;
      missed = [];
      for (const work of all) deliver(work);
    },
    die() {
      state = "dead";
      missed = [];
    },
    isDead: () => state === "dead",
  };
}
