/** Tracks lent in turn: ticks and runs that somebody asked for share them, first come, first served. */
import type { App } from "../../app.js";

export interface Turns {
  /** `stopped`: there will be no turn any more, or the signal fired before there was one. */
  take<T>(signal: AbortSignal, work: (track: App) => Promise<T>): Promise<T | "stopped">;
  /** Who waits gets no turn; who has one goes on. */
  close(): void;
}

export function tracksInTurn(tracks: readonly App[]): Turns {
  const free = [...tracks];
  const waiting = new Set<(track: App | null) => void>();
  let isClosed = false;

  function next(signal: AbortSignal): Promise<App | null> {
    if (isClosed || signal.aborted) return Promise.resolve(null);
    const track = free.pop();
    if (track !== undefined) return Promise.resolve(track);
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

  function giveBack(track: App): void {
    const [first] = waiting;
    if (first === undefined) free.push(track);
    else first(track);
  }

  return {
    async take(signal, work) {
      const track = await next(signal);
      if (track === null) return "stopped";
      try {
        return await work(track);
      } finally {
        giveBack(track);
      }
    },
    close() {
      isClosed = true;
      for (const settle of [...waiting]) settle(null);
    },
  };
}
