/**
 * Identifies processes beyond their pid: pids are reused, so the start time, the boot and the host are
 * compared too.
 *
 * A process in another pid namespace of the same host name (containers that share a host name) looks dead
 * from here. Its run can then be claimed by another process; two owners are harmless, see journal-ledger.ts.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import type { Owner } from "../../job/run.js";

export interface Processes {
  self(): Owner;
  /** `other-host`: cannot be determined from here. */
  isAlive(owner: Owner): "alive" | "dead" | "other-host";
}

/** Linux reads /proc; macOS asks `ps` and `sysctl`, as best effort. */
export function processes(platform: NodeJS.Platform = process.platform): Processes {
  const kernel = platform === "darwin" ? macos : linux;
  const self: Owner = {
    pid: process.pid,
    processStart: kernel.startOf(process.pid) ?? "unknown",
    bootId: kernel.bootId(),
    host: hostname(),
  };
  return {
    self: () => self,
    isAlive(owner) {
      if (owner.host !== self.host) return "other-host";
      if (owner.bootId !== self.bootId) return "dead";
      const start = kernel.startOf(owner.pid);
      if (start !== null) return start === owner.processStart ? "alive" : "dead";
      // The kernel may hide other users' processes. A process that exists but is hidden must be treated as
      // the owner.
      return isHidden(owner.pid) ? "alive" : "dead";
    },
  };
}

interface Kernel {
  bootId(): string;
  /**
   * Returns the start time of a process as the kernel formats it; `null` if it is gone or a zombie, which no
   * longer does anything.
   */
  startOf(pid: number): string | null;
}

const linux: Kernel = {
  bootId: () => readText("/proc/sys/kernel/random/boot_id")?.trim() ?? "unknown",
  startOf(pid) {
    const stat = readText(`/proc/${pid}/stat`);
    return stat === null ? null : startFromStat(stat);
  },
};

/**
 * Returns the start time of a process that is not a zombie. @param stat a line of /proc/PID/stat; field 3 is
 * the state, field 22 the start in clock ticks since boot (proc(5)).
 */
export function startFromStat(stat: string): string | null {
  // The second field is the program's name in parentheses, which may contain any text, even ") Z 1".
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, start] = [fields[0], fields[19]];
  return state === "Z" || state === "X" || start === undefined ? null : start;
}

const macos: Kernel = {
  bootId: () => run("sysctl", ["-n", "kern.bootsessionuuid"]) ?? "unknown",
  startOf(pid) {
    const line = run("ps", ["-o", "state=,lstart=", "-p", String(pid)]);
    if (line === null || line === "" || line.startsWith("Z")) return null;
    return line.replace(/^\S+\s+/, "");
  },
};

function isHidden(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

function run(command: string, args: readonly string[]): string | null {
  try {
    return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return null;
  }
}
