import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { App } from "../app.js";
import { findProjectRoot } from "../config.js";
import { asNightshiftError, exitCodes, SpecError } from "../errors.js";
import { counted } from "../human.js";
import type { Listening } from "../observers/metrics/metrics-server.js";
import { createScheduler, type Scheduler } from "../scheduler.js";
import { openApps } from "./backfilling/lanes.js";
import { localPath } from "./lookup/model-job.js";
import { runObservers } from "./running/progress.js";
import { runTick } from "./serving/run-tick.js";
import { type ServeEvent, serveJson, serveLine } from "./serving/serve-text.js";
import { specFolder } from "./serving/spec-folder.js";
import { watchJobs } from "./serving/watch-jobs.js";
import type { Cli } from "./shell/context.js";
import { wholeNumber } from "./shell/options.js";
import { address, listenForMetrics } from "./watching/listen.js";

interface ServeFlags {
  readonly embedded?: true;
  readonly jobs?: string;
  readonly maxParallel: number;
  readonly drain: number;
  readonly metricsListen?: Listening;
}

/** Specs are looked at, and jumps of the clock are noticed, this often. */
const lookEveryMs = 2000;

export function declare(command: Command): void {
  command
    .option("--embedded", "all on this machine, with the journal: no server is needed")
    .option("--jobs <dir>", "folder of the specs (default: jobs/ of this project)")
    .addOption(
      new Option("--max-parallel <n>", "runs at a time; they share the cores")
        .argParser(wholeNumber(1))
        .default(1),
    )
    .addOption(
      new Option("--drain <seconds>", "how long SIGTERM lets runs go on before it stops them between chunks")
        .argParser(seconds)
        .default(20),
    )
    .option("--metrics-listen <address>", "serve metrics to Prometheus there: 127.0.0.1:9464", address)
    .addHelpText(
      "after",
      "\nSpecs are read again when they change. SIGTERM drains; what it cuts short goes on later.",
    );
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const flags = command.opts<ServeFlags>();
  if (flags.embedded !== true) throw onlyEmbedded();
  const folder = jobsFolder(cli, flags.jobs);
  const stopping = cli.gently();
  const tell = (event: ServeEvent): void => {
    if (cli.globals.json) cli.out.line(serveJson(event, cli.clock.now()));
    else if (!cli.globals.quiet || !isQuiet(event)) cli.err.line(serveLine(event, cli.cwd, cli.err.paint));
  };
  const specs = specFolder(cli, folder, tell);
  const lanes = await openApps(cli, Math.min(flags.maxParallel, cli.settings.cores));
  const free: App[] = [...lanes.apps];
  const watch = await watchJobs(cli, await cli.app());
  const { processes } = await import("../ledgers/journal/processes.js");
  const { self, isAlive } = processes();
  const scheduler = createScheduler({
    ...{ book: await (await cli.app()).scheduleBook(), clock: cli.clock, self: self(), tell },
    isAlive: (owner) => isAlive(owner) !== "dead",
    jobs: specs.jobs,
    maxParallel: lanes.apps.length,
    async run({ name }, at, signal) {
      const served = specs.jobs().find((job) => job.name === name);
      const app = free.pop();
      // The scheduler starts no more than there are lanes, and only jobs that it was just given.
      if (served === undefined || app === undefined) return "stopped";
      try {
        return await runTick(cli, app, served, at, {
          signal,
          observers: [...(cli.globals.json ? runObservers(cli) : []), ...(await watch.of(served))],
        });
      } finally {
        free.push(app);
      }
    },
  });
  const { metricsListen } = flags;
  const listening =
    metricsListen === undefined ? null : await listenForMetrics(cli, metricsListen, watch.metrics);
  try {
    await serveUntil(cli, stopping, specs.refresh, async () => {
      const next = await scheduler.look();
      await watch.look(specs.jobs());
      return next;
    });
    return await drain(cli, scheduler, flags.drain * 1000);
  } finally {
    await listening?.close();
    await watch.close();
    await lanes.close();
  }
}

async function serveUntil(
  cli: Cli,
  stopping: AbortSignal,
  refresh: () => Promise<void>,
  look: () => Promise<Date | null>,
): Promise<void> {
  let told = "";
  while (!stopping.aborted) {
    // A folder that cannot be read for a while leaves the jobs as they are.
    const problem = await refresh().then(
      () => "",
      (error: unknown) => asNightshiftError(error).message,
    );
    if (problem !== told && problem !== "") cli.err.line(cli.err.paint.red(problem));
    told = problem;
    const next = await look();
    const untilNextMs = next === null ? lookEveryMs : next.getTime() - cli.clock.now().getTime();
    await pause(Math.max(10, Math.min(lookEveryMs, untilNextMs)), stopping);
  }
}

/** @returns the exit code: 0 when nothing was cut short */
async function drain(cli: Cli, scheduler: Scheduler, drainMs: number): Promise<number> {
  const ended = scheduler.drain();
  const running = scheduler.underWay();
  if (running > 0 && !cli.globals.quiet) cli.err.line(`waiting for ${counted(running, "tick")} to end`);
  const isDone = await Promise.race([ended.then(() => true), pause(drainMs).then(() => false)]);
  if (!isDone) {
    scheduler.stop();
    await ended;
  }
  if (scheduler.underWay() === 0 && isDone) return exitCodes.ok;
  return cli.interruptedBy() === "SIGINT" ? exitCodes.interrupted : exitCodes.terminated;
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done);
    if (signal?.aborted === true) done();
  });
}

function jobsFolder(cli: Cli, given: string | undefined): string {
  const root = findProjectRoot(cli.cwd);
  const folder =
    given === undefined ? (root === null ? null : join(root, "jobs")) : localPath(given, cli.cwd);
  if (folder !== null && existsSync(folder)) return folder;
  throw new SpecError(
    "usage.no-jobs",
    `there is no folder of jobs ${folder === null ? "here" : `at ${folder}`}`,
    {
      hint: "Write specs into a `jobs` folder, or name one with --jobs.",
    },
  );
}

function onlyEmbedded(): SpecError {
  return new SpecError(
    "usage.only-embedded",
    "this version serves from one machine, and has no HTTP interface",
    {
      hint: "Start it with: nightshift serve --embedded",
    },
  );
}

/** What `--quiet` leaves out. */
function isQuiet(event: ServeEvent): boolean {
  if (event.type === "tick.ended") return event.end.status !== "failed";
  if (event.type === "tick.decided") return event.tick.verdict !== "missed";
  return event.type !== "spec.broken" && event.type !== "schedule.failed";
}

function seconds(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 86_400)
    throw new InvalidArgumentError("Give whole seconds, a day at most.");
  return value;
}
