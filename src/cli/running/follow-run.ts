import { toErrorRecord } from "../../errors.js";
import type { Lane } from "../../job/lane.js";
import { targetOf, type WriteSpec } from "../../job/output.js";
import type { Observer } from "../../observers/observer.js";
import type { RunOptions, RunOutcome } from "../../running/run-request.js";
import type { Waiting } from "../../service/wait.js";
import { errorText } from "../output/error-text.js";
import { logLine } from "../output/log-line.js";
import { instantText } from "../output/run-text.js";
import type { Cli } from "../shell/context.js";
import { outcomeExit } from "./outcome-exit.js";
import { type Followed, outcomeText, type Published } from "./outcome-text.js";
import { type ProgressLook, runObservers } from "./progress.js";

export interface FollowOptions {
  readonly write: WriteSpec;
  readonly quarantineExitZero: boolean;
  /** Of its partitions; `undefined`: that of the run. */
  readonly lane: Lane | undefined;
  /** Beside those that show progress. */
  readonly observers?: readonly Observer[];
}

/** Runs something to its end with progress, and tells how it ended. @returns the exit code */
export async function followRun(
  cli: Cli,
  start: (options: RunOptions) => Promise<RunOutcome>,
  { write, quarantineExitZero, lane, observers = [] }: FollowOptions,
): Promise<number> {
  const { outcome, rowsScored } = await runWithProgress(
    cli,
    (options) => start(lane === undefined ? options : { ...options, lane }),
    {},
    observers,
  );
  const published = await publishedBy(cli, outcome, write);
  const exitCode = outcomeExit(outcome, { quarantineExitZero, interruptedBy: cli.interruptedBy() });
  if (cli.globals.json) {
    logLine(cli, "run.outcome", {
      runId: outcome.run?.id ?? null,
      ...outcomeRecord(outcome),
      rowsScored,
      exitCode,
      output: targetOf(write),
      ...published,
    });
  }
  tell(cli, { outcome, rowsScored }, write, published);
  return exitCode;
}

/** An outcome as JSON can carry it. */
export function outcomeRecord({ error, ...rest }: RunOutcome): object {
  return { ...rest, error: error === null ? null : toErrorRecord(error) };
}

/** As {@link followRun}, telling nothing at the end. */
export async function runWithProgress(
  cli: Cli,
  start: (options: RunOptions) => Promise<RunOutcome>,
  look: ProgressLook = {},
  more: readonly Observer[] = [],
): Promise<Followed> {
  const observers = runObservers(cli, look);
  let rowsScored = 0;
  const counter: Observer = {
    on(event) {
      if (event.type === "partition.accepted") rowsScored += event.rows.read;
    },
  };
  try {
    const outcome = await start({
      signal: cli.stopGracefully(),
      observers: [...observers, counter, ...more],
    });
    return { outcome, rowsScored };
  } finally {
    for (const observer of observers) await observer.close?.();
  }
}

export async function publishedBy(
  cli: Cli,
  outcome: RunOutcome,
  write: WriteSpec,
): Promise<Published | null> {
  if (outcome.status !== "published" && outcome.status !== "already-published") return null;
  const sink = await (await cli.app()).sink(write);
  return {
    files: await sink.files(),
    quarantine: outcome.run === null ? [] : await sink.quarantineFiles(outcome.run.id),
  };
}

function tell(cli: Cli, followed: Followed, write: WriteSpec, published: Published | null): void {
  const { outcome } = followed;
  const { err, globals, cwd, program } = cli;
  const { json, quiet, verbose } = globals;
  if (outcome.error !== null && outcome.status === "failed")
    err.line(
      json ? JSON.stringify({ error: toErrorRecord(outcome.error) }) : errorText(outcome.error, err, verbose),
    );
  if (json || quiet) return;
  err.line(
    outcomeText({ ...followed, write, published, cwd, program, verbose, width: err.width }, err.paint),
  );
}

/** Returns a function that says on stderr what a run waits for. */
export function reportWait({ err, globals }: Pick<Cli, "err" | "globals">): (waiting: Waiting) => void {
  return (waiting) => {
    if (globals.quiet || (globals.json && waiting.for !== "owner")) return;
    if (waiting.for !== "input") return err.line(`${waiting.error.message}: waiting for it`);
    const { job, until, error } = waiting;
    const label = job.interval === null ? job.name : `${job.name} ${job.interval.ds}`;
    err.line(`${label} waits for its input until ${instantText(until.toISOString())}: ${error.message}`);
  };
}
