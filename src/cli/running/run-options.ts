import { type Command, Option } from "commander";
import { type Lane, laneNames, usualLane } from "../../job/lane.js";
import { variable } from "../shell/options.js";

export interface QuarantineFlags {
  readonly quarantineExitZero?: true;
}

export interface IntervalFlags {
  readonly at?: string;
  readonly var?: { readonly [name: string]: string | number | boolean };
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

/** Where partitions are done: by workers, or without it here. */
export function declareQueue(command: Command): Command {
  return command.option(
    "--queue <url>",
    "a Redis or PostgreSQL that brings partitions to workers (NIGHTSHIFT_QUEUE)",
  );
}

/** Of a run over a queue. */
export function declareLane(command: Command): Command {
  return command.addOption(
    new Option("--lane <lane>", "queue priority of its partitions: see docs/queue.md")
      .choices(laneNames)
      .default(usualLane),
  );
}

export interface LaneFlags {
  readonly lane: Lane;
}

export interface MetricsFlags {
  readonly metricsPush?: string;
  readonly metricsFile?: string;
}

/** For what is over before anybody could scrape it. */
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

/** For commands that only look at a job: planning runs its functions on the first rows. */
export function declareNoHooks(command: Command): Command {
  return command.option("--no-hooks", "run no function of the job: for specs that nobody has read yet");
}
