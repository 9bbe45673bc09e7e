/** Keeps a child process from taking the machine down: a model may allocate without bound. */
import { readFileSync } from "node:fs";

export interface MemoryWatch {
  /** Why the process was stopped; `null` while it keeps within its bound. */
  readonly excess: () => MemoryExcess | null;
  readonly stop: () => void;
}

export interface MemoryExcess {
  /** At the last look; it may have been more. */
  readonly heldBytes: number;
  readonly maxBytes: number;
}

/** At a few gigabytes a second, the most that a thread can fill, it overshoots by some hundred megabytes. */
const everyMs = 100;
/** Of x64 and of nearly every arm64 kernel; a larger page only makes the bound a looser one. */
const pageBytes = 4096;

/** Resident memory of a process; `null` where it is gone, or where the system does not say. */
export function residentBytes(pid: number | undefined): number | null {
  try {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]);
    return Number.isFinite(pages) ? pages * pageBytes : null;
  } catch {
    return null;
  }
}

/** Looks at the resident memory of a process, and calls `onExcess` once. Linux only: elsewhere nothing is watched. */
export function watchMemory(
  pid: number | undefined,
  maxBytes: number | null,
  onExcess: () => void,
): MemoryWatch {
  let excess: MemoryExcess | null = null;
  if (maxBytes === null || pid === undefined || process.platform !== "linux")
    return { excess: () => excess, stop: () => undefined };

  function look(limit: number): void {
    const heldBytes = residentBytes(pid) ?? 0;
    if (heldBytes <= limit || excess !== null) return;
    excess = { heldBytes, maxBytes: limit };
    onExcess();
  }

  const timer = setInterval(() => look(maxBytes), everyMs);
  // Watching keeps no coordinator alive.
  timer.unref();
  return { excess: () => excess, stop: () => clearInterval(timer) };
}
