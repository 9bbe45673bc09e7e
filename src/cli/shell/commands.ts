import type { Command } from "commander";
import type { Cli } from "./context.js";

/** A command's own file: loaded only when the command is named. */
export interface CommandModule {
  /** Adds options and help. Must be cheap: completion declares every command. */
  declare(command: Command): void;
  /** @returns the exit code */
  run(command: Command, cli: Cli): Promise<number>;
}

export interface CommandEntry {
  readonly name: string;
  /** Positional arguments as commander writes them. */
  readonly positionals: string;
  readonly summary: string;
  readonly group: "Start here:" | "Jobs:" | "Look:" | "Operate:";
  readonly load: () => Promise<CommandModule>;
}

/** Every command there is, in the order of the help. */
export const commands: readonly CommandEntry[] = [
  {
    name: "demo",
    positionals: "",
    summary: "score real flights with a real model, in a folder of its own",
    group: "Start here:",
    load: () => import("../demo.js"),
  },
  {
    name: "score",
    positionals: "<model> <input...>",
    summary: "score files once: no spec, no server",
    group: "Start here:",
    load: () => import("../score.js"),
  },
  {
    name: "preview",
    positionals: "<job|model> [input...]",
    summary: "the first rows with their predictions; writes nothing",
    group: "Start here:",
    load: () => import("../preview.js"),
  },
  {
    name: "inspect",
    positionals: "<model|data...>",
    summary: "inputs, outputs and labels of a model; columns and row groups of data",
    group: "Start here:",
    load: () => import("../inspect.js"),
  },
  {
    name: "init",
    positionals: "",
    summary: "write a commented job.yaml, with the mapping inferred",
    group: "Start here:",
    load: () => import("../init.js"),
  },
  {
    name: "validate",
    positionals: "[job...]",
    summary: "check jobs against their model and data, without running them",
    group: "Jobs:",
    load: () => import("../validate.js"),
  },
  {
    name: "explain",
    positionals: "<job>",
    summary: "a job with everything resolved: spec, mapping, digests of what it pins",
    group: "Jobs:",
    load: () => import("../explain.js"),
  },
  {
    name: "plan",
    positionals: "<job>",
    summary: "what would run, what would be skipped and why",
    group: "Jobs:",
    load: () => import("../plan.js"),
  },
  {
    name: "run",
    positionals: "<job|plan.json>",
    summary: "run a job for one interval, or a plan made earlier",
    group: "Jobs:",
    load: () => import("../run.js"),
  },
  {
    name: "backfill",
    positionals: "<job>",
    summary: "run a job for every interval of a range that needs it",
    group: "Jobs:",
    load: () => import("../backfill.js"),
  },
  {
    name: "retry",
    positionals: "[run]",
    summary: "finish a run: only what is not done yet (default: the last run)",
    group: "Jobs:",
    load: () => import("../retry.js"),
  },
  {
    name: "cancel",
    positionals: "<run|job>",
    summary: "stop a run, or all running runs of a job; accepted partitions are kept",
    group: "Jobs:",
    load: () => import("../cancel.js"),
  },
  {
    name: "rollback",
    positionals: "<job|output>",
    summary: "make a previous publication visible again",
    group: "Jobs:",
    load: () => import("../rollback.js"),
  },
  {
    name: "pause",
    positionals: "<job>",
    summary: "pause a job's schedule until it is resumed",
    group: "Jobs:",
    load: () => import("../pause.js"),
  },
  {
    name: "resume",
    positionals: "<job>",
    summary: "let a paused job's ticks fire again, from now on",
    group: "Jobs:",
    load: () => import("../resume.js"),
  },
  {
    name: "status",
    positionals: "[run]",
    summary: "where a run stands (default: the last run)",
    group: "Look:",
    load: () => import("../status.js"),
  },
  {
    name: "ls",
    positionals: "<jobs|runs|ticks|partitions> [run]",
    summary: "list jobs, runs, ticks of schedules, or the partitions of a run",
    group: "Look:",
    load: () => import("../ls.js"),
  },
  {
    name: "errors",
    positionals: "[run]",
    summary: "why rows and partitions failed, grouped by reason",
    group: "Look:",
    load: () => import("../errors.js"),
  },
  {
    name: "verify",
    positionals: "[job|output]",
    summary: "whether published files are whole: sizes and digests against the log",
    group: "Look:",
    load: () => import("../verify.js"),
  },
  {
    name: "files",
    positionals: "<job|output>",
    summary: "the live files of an output, one path a line",
    group: "Look:",
    load: () => import("../files.js"),
  },
  {
    name: "serve",
    positionals: "",
    summary: "run scheduled jobs when they are due",
    group: "Operate:",
    load: () => import("../serve.js"),
  },
  {
    name: "doctor",
    positionals: "",
    summary: "check this machine: engine, file systems, memory, clock",
    group: "Operate:",
    load: () => import("../doctor.js"),
  },
  {
    name: "worker",
    positionals: "",
    summary: "score partitions of runs that were started with --queue",
    group: "Operate:",
    load: () => import("../worker.js"),
  },
  {
    name: "migrate",
    positionals: "[url]",
    summary: "make or update Nightshift's tables in a database (default: the ledger's)",
    group: "Operate:",
    load: () => import("../migrate.js"),
  },
  {
    name: "gc",
    positionals: "",
    summary: "remove unreachable staged files and old versions",
    group: "Operate:",
    load: () => import("../gc.js"),
  },
  {
    name: "schema",
    positionals: "",
    summary: "print the JSON Schema of job specs",
    group: "Operate:",
    load: () => import("../schema.js"),
  },
  {
    name: "completion",
    positionals: "<bash|zsh|fish>",
    summary: "print a completion script for a shell",
    group: "Operate:",
    load: () => import("../completion.js"),
  },
];
