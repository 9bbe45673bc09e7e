/**
 * Slots for runs side by side. Each slot has worker hosts of its own, so the death of a host is never attributed to
 * another slot's run. All slots together use no more cores and memory than one run would.
 */
import type { App, ServiceContext } from "./context.js";

export interface Slots {
  readonly apps: readonly App[];
  close(): Promise<void>;
}

/** Opens slots. A single slot is the context's own app, which the context closes; of several, each has its share of the machine. */
export async function openSlots(context: ServiceContext, count: number): Promise<Slots> {
  if (count === 1) return { apps: [await context.app()], close: async () => undefined };
  const apps: App[] = [];
  for (let index = 0; index < count; index++) apps.push(await openSlot(context, count));
  return { apps, close: async () => void (await Promise.all(apps.map((app) => app.close()))) };
}

/** Opens one slot whose cores and memory are those of the machine divided by `count`. */
export async function openSlot({ settings, openApp }: ServiceContext, count: number): Promise<App> {
  const share = (whole: number): number => Math.max(1, Math.floor(whole / count));
  const { cores, memoryBytes, hostBytes } = settings;
  return openApp({
    ...settings,
    cores: share(cores),
    memoryBytes: share(memoryBytes),
    hostBytes: share(hostBytes),
  });
}

/** Slots that ticks and requested runs share, first come, first served. */
export interface SharedSlots {
  /** Runs `work` in a free slot. `stopped`: the slots were closed, or the signal fired, before one was free. */
  take<T>(signal: AbortSignal, work: (slot: App) => Promise<T>): Promise<T | "stopped">;
  /** Ends all waiting. Work that has a slot continues. */
  close(): void;
}

export function shareSlots(slots: readonly App[]): SharedSlots {
  const free = [...slots];
  const waiting = new Set<(slot: App | null) => void>();
  let isClosed = false;

  function next(signal: AbortSignal): Promise<App | null> {
    if (isClosed || signal.aborted) return Promise.resolve(null);
    const slot = free.pop();
    if (slot !== undefined) return Promise.resolve(slot);
    return new Promise((resolve) => {
      const settle = (given: App | null): void => {
        waiting.delete(settle);
        signal.removeEventListener("abort", giveUp);
        resolve(given);
      };
      const giveUp = (): void => settle(null);
      signal.addEventListener("abort", giveUp);
      waiting.add(settle);
    });
  }

  function giveBack(slot: App): void {
    const [first] = waiting;
    if (first === undefined) free.push(slot);
    else first(slot);
  }

  return {
    async take(signal, work) {
      const slot = await next(signal);
      if (slot === null) return "stopped";
      try {
        return await work(slot);
      } finally {
        giveBack(slot);
      }
    },
    close() {
      isClosed = true;
      for (const settle of [...waiting]) settle(null);
    },
  };
}
