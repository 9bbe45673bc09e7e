/** Lanes lent in turn: ticks and runs that somebody asked for share them, first come, first served. */
import type { App } from "../../app.js";

export interface Turns {
  /** `stopped`: there will be no turn any more, or the signal fired before there was one. */
  take<T>(signal: AbortSignal, work: (lane: App) => Promise<T>): Promise<T | "stopped">;
  /** Who waits gets no turn; who has one goes on. */
  close(): void;
}

export function lanesInTurn(lanes: readonly App[]): Turns {
  const free = [...lanes];
  const waiting = new Set<(lane: App | null) => void>();
  let isClosed = false;

  function next(signal: AbortSignal): Promise<App | null> {
    if (isClosed || signal.aborted) return Promise.resolve(null);
    const lane = free.pop();
    if (lane !== undefined) return Promise.resolve(lane);
    return new Promise((resolve) => {
      const settle = (lent: App | null): void => {
        waiting.delete(settle);
        signal.removeEventListener("abort", giveUp);
        resolve(lent);
      };
      const giveUp = (): void => settle(null);
      signal.addEventListener("abort", giveUp);
      waiting.add(settle);
    });
  }

  function giveBack(lane: App): void {
    const [first] = waiting;
    if (first === undefined) free.push(lane);
    else first(lane);
  }

  return {
    async take(signal, work) {
      const lane = await next(signal);
      if (lane === null) return "stopped";
      try {
        return await work(lane);
      } finally {
        giveBack(lane);
      }
    },
    close() {
      isClosed = true;
      for (const settle of [...waiting]) settle(null);
    },
  };
}
