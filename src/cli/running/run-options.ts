import { type Command, Option } from "commander";
import type { Settings } from "../../config.js";
import { SpecError } from "../../errors.js";
import { type Lane, laneNames, usualLane } from "../../job/lane.js";
import { durationMs, variable } from "../shell/options.js";

export interface QuarantineFlags {
  readonly quarantineExitZero?: true;
}

export function declareQuarantineExit(command: Command): Command {
  return command.option("--quarantine-exit-zero", "exit 0, not 4, when rows were quarantined");
}

export function declareInterval(command: Command): Command {
  return command
    .option(
      "--at <instant>",
      "any instant in the interval, such as 2026-01-15 (default: the latest complete one)",
    )
    .option("--var <name=value>", "a value for {{ var.name }}; may be repeated", variable);
}

/** Adds `--queue`: workers score the partitions; without it, this process does. */
export function declareQueue(command: Command): Command {
  return command.option(
    "--queue <url>",
    "a Redis or PostgreSQL that brings partitions to workers (NIGHTSHIFT_QUEUE)",
  );
}

export function declareLane(command: Command): Command {
  return command.addOption(
    new Option(
      "--lane <lane>",
      `with a queue, priority of its partitions: see docs/queue.md (default: ${usualLane})`,
    ).choices(laneNames),
  );
}

export interface LaneFlags {
  readonly lane?: Lane;
}

/**
 * Returns the lane that the command names for the run's partitions; `undefined`: the run's own, or the usual one. Call it
 * before anything is opened.
 *
 * @throws SpecError `usage.no-queue` if a lane is given and no queue
 */
export function laneOf({ lane }: LaneFlags, { queue }: Pick<Settings, "queue">): Lane | undefined {
  if (lane !== undefined && queue === null)
    throw new SpecError("usage.no-queue", `--lane ${lane} has no effect without a queue`, {
      hint: "Give --queue or NIGHTSHIFT_QUEUE to have workers do the partitions, or leave --lane out.",
    });
  return lane;
}

/** Metrics of short-lived commands, which may end before a scrape. */
export function declareMetrics(command: Command): Command {
  return command
    .option(
      "--metrics-push <url>",
      "push metrics to a Pushgateway, http://host:9091[/group] (NIGHTSHIFT_METRICS_PUSH)",
    )
    .option(
      "--metrics-file <path>",
      "write metrics to a file, for the textfile collector of a node exporter",
    );
}

/** What to do about a run that is in the way. */
export function declareClaim(command: Command): Command {
  return command
    .option("--restart", "drop the unfinished run of the same output or interval and begin anew")
    .option("--take-over", "claim a run of a process on another host; use only if that process is dead");
}

export interface WaitFlags {
  readonly waitFor?: number;
}

export function declareWaitFor(command: Command): Command {
  return command.addOption(
    new Option(
      "--wait-for <duration>",
      "how long to wait for input that has not arrived: 3h; 0s: not at all (default: the job's input.wait_for)",
    ).argParser(durationMs),
  );
}

/** For commands that only look at a job: planning runs its functions on the first rows. */
export function declareNoHooks(command: Command): Command {
  return command.option("--no-hooks", "run no function of the job: for specs that have not been reviewed");
}
