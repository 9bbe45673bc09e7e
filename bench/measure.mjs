// Runs a command as a whole process tree: wall seconds, exit code, and the peak of the memory that all its processes hold
// together (proportional set size, so that shared pages count once), sampled from /proc.
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

const sampleEveryMs = 50;

/** Looking at memory takes time from what is looked at, so a run is either timed or sampled. */
export async function measure(command, args, { cwd, sampleMemory = false } = {}) {
  const started = process.hrtime.bigint();
  const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
  let peakBytes = 0;
  let output = "";
  child.stdout.on("data", (text) => {
    output += text;
  });
  child.stderr.on("data", (text) => {
    output += text;
  });
  const timer = sampleMemory
    ? setInterval(() => {
        peakBytes = Math.max(peakBytes, treeBytes(child.pid));
      }, sampleEveryMs)
    : null;
  const code = await new Promise((resolve) => child.on("close", resolve));
  if (timer !== null) clearInterval(timer);
  return { seconds: Number(process.hrtime.bigint() - started) / 1e9, code, peakBytes, output };
}

function treeBytes(root) {
  const parents = new Map();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = quietly(() => readFileSync(`/proc/${name}/stat`, "utf8"));
    if (stat === null) continue;
    parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
  }
  let bytes = 0;
  for (const pid of parents.keys()) {
    if (!descends(pid, root, parents)) continue;
    const rollup = quietly(() => readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"));
    bytes += Number(rollup?.match(/^Pss:\s+(\d+) kB/m)?.[1] ?? 0) * 1024;
  }
  return bytes;
}

function descends(pid, root, parents) {
  for (let at = pid; at !== undefined && at > 1; at = parents.get(at)) if (at === root) return true;
  return false;
}

/** A process may end between two looks at it. */
function quietly(read) {
  try {
    return read();
  } catch {
    return null;
  }
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
