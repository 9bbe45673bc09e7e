/**
 * Lets several processes share a disk one operation at a time, in an order that a seed decides. Some of them die: their
 * next operation never happens, as after kill -9.
 */
import type { FileSystem } from "../../src/stores/file-system.js";

export interface SteppedDisk {
  /** The disk as one process sees it. */
  seenBy(process: string): FileSystem;
  /** Runs until every process has ended or died; `between` runs after each operation. */
  run(processes: { readonly [name: string]: () => Promise<unknown> }, between: () => void): Promise<Ended>;
}

export type Ended = {
  readonly [name: string]: { readonly value?: unknown; readonly error?: unknown } | "died";
};

export function steppedDisk(real: FileSystem, random: () => number, deathRate: number): SteppedDisk {
  const waiting = new Map<string, () => void>();

  function seenBy(process: string): FileSystem {
    const stepped = Object.entries(real).map(([name, act]) => [
      name,
      async (...given: never[]) => {
        await new Promise<void>((resolve) => waiting.set(process, resolve));
        return (act as (...given: never[]) => Promise<unknown>)(...given);
      },
    ]);
    return Object.fromEntries(stepped) as FileSystem;
  }

  return {
    seenBy,
    async run(processes, between) {
      const ended: { [name: string]: Ended[string] } = {};
      for (const [name, start] of Object.entries(processes)) {
        start().then(
          (value) => (ended[name] = { value }),
          (error: unknown) => (ended[name] = { error }),
        );
      }
      const names = Object.keys(processes);
      while (Object.keys(ended).length < names.length) {
        await new Promise((resolve) => setImmediate(resolve));
        const all = names.every((name) => name in ended || waiting.has(name));
        const ready = [...waiting.keys()].sort();
        const chosen = all ? ready[Math.floor(random() * ready.length)] : undefined;
        if (chosen === undefined) continue;
        const proceed = waiting.get(chosen);
        waiting.delete(chosen);
        if (random() < deathRate) ended[chosen] = "died";
        else proceed?.();
        between();
      }
      return ended;
    },
  };
}

/** mulberry32: small, and the same everywhere. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
