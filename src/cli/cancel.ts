import type { Command } from "commander";
import { exitCodes } from "../errors.js";
import type { CancelOutcome } from "../running/cancel-run.js";
import { cancel } from "../service/cancel.js";
import { cancelText } from "./output/cancel-text.js";
import { type Cli, printJson } from "./shell/context.js";
import { durationMs } from "./shell/options.js";

interface CancelFlags {
  readonly takeOver?: true;
  readonly wait?: number;
}

const usualWaitMs = 60_000;

export function declare(command: Command): void {
  command
    .option("--wait <time>", "how long the run may take to stop between chunks (default: 1m)", durationMs)
    .option("--take-over", "claim a run of a process on another host; use only if that process is dead")
    .addHelpText(
      "after",
      `
What is done is kept, and nightshift retry resumes the run. A job's name cancels all its unfinished runs; its backfills
start no further intervals. Exit codes: 0 cancelled, or ended before; 1 asked, and not stopped yet; 2 published.`,
    );
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const { takeOver, wait: waitMs = usualWaitMs } = command.opts<CancelFlags>();
  const [given = ""] = command.args;
  // An interrupt ends the waiting with this process; the request stands.
  const options = { takeOver: takeOver === true, waitMs, signal: new AbortController().signal };
  const { job, outcomes } = await cancel(cli, given, options);
  if (cli.globals.json) printJson(cli.out, record(job, outcomes));
  else tell(cli, job, outcomes);
  return Math.max(exitCodes.ok, ...outcomes.map(exitOf));
}

function record(job: string | null, outcomes: readonly CancelOutcome[]): object {
  const runs = outcomes.map(({ run, ...rest }) => ({ run: run.id, ...rest }));
  return job === null ? (runs[0] ?? {}) : { job, runs };
}

function tell({ err, globals, program }: Cli, job: string | null, outcomes: readonly CancelOutcome[]): void {
  if (globals.quiet) return;
  for (const outcome of outcomes) err.line(cancelText(outcome, program, err.paint));
  if (job === null) return;
  if (outcomes.length === 0) err.line(`no run of ${job} is running`);
  err.line(`no further backfill intervals of ${job} will start`);
}

function exitOf({ status }: CancelOutcome): number {
  if (status === "published") return exitCodes.usage;
  return status === "not-stopped" ? exitCodes.failed : exitCodes.ok;
}
