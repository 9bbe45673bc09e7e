/** Limits the memory of a child process, because a model may allocate without bound. */
import { readFileSync } from "node:fs";

export interface MemoryWatch {
  /** Returns why the process was stopped; `null` while it is within its limit. */
  readonly excess: () => MemoryExcess | null;
  readonly stop: () => void;
}

export interface MemoryExcess {
  /** Resident memory at the last measurement; the peak may have been higher. */
  readonly heldBytes: number;
  readonly maxBytes: number;
}

/**
 * A thread fills at most a few gigabytes a second, so the process can exceed the limit by some hundred
 * megabytes.
 */
const everyMs = 100;
/** Page size of x64 and of nearly every arm64 kernel. With larger pages the limit is only less strict. */
const pageBytes = 4096;

/**
 * Returns the resident memory of a process; `null` if the process is gone or the system does not report it.
 */
export function residentBytes(pid: number | undefined): number | null {
  try {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]);
    return Number.isFinite(pages) ? pages * pageBytes : null;
  } catch {
    return null;
  }
}

/**
 * Polls the resident memory of a process and calls `onExcess` once. Linux only: other systems are not
 * watched.
 */
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
  // The timer must not keep a coordinator alive.
  timer.unref();
  return { excess: () => excess, stop: () => clearInterval(timer) };
}
