import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { builtCli } from "./nightshift.js";

export const preloadPath = fileURLToPath(new URL("./kill-at.mjs", import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCli {
  readonly pid: number;
  readonly finished: Promise<Finished>;
  kill(signal: NodeJS.Signals): void;
}

export interface CliOptions {
  readonly cwd: string;
  readonly env?: { readonly [name: string]: string };
}

/** Starts the compiled command line in a process group of its own, so that it can be killed with its worker host. */
export function startCli(args: readonly string[], { cwd, env = {} }: CliOptions): RunningCli {
  const child = spawn(process.execPath, [builtCli, ...args], {
    cwd,
    env: { ...process.env, NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const finished = new Promise<Finished>((resolve) => {
    // "close" would wait for the pipes, which a worker host that outlives its coordinator keeps open for a moment.
    child.on("exit", (code, signal) => setImmediate(() => resolve({ code, signal, stdout, stderr })));
  });
  const pid = child.pid ?? 0;
  return { pid, finished, kill: (signal) => process.kill(pid, signal) };
}
