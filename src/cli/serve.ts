import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { findProject, skippedHint } from "../config.js";
import { asNightshiftError, exitCodes, SpecError } from "../errors.js";
import type { Listening } from "../observers/metrics/metrics-server.js";
import { counted } from "../text/human.js";
import { pause } from "../wiring/system-clock.js";
import { unprotectedLinks } from "./doctor/protection.js";
import { localPath } from "./lookup/local-path.js";
import { declareQueue } from "./running/run-options.js";
import { type ApiPlace, apiPlace, openApi } from "./serving/open-api.js";
import { openService, type Service } from "./serving/open-service.js";
import { type ServeEvent, serveJson, serveLine } from "./serving/serve-text.js";
import { type JobWatch, watchJobs } from "./serving/watch-jobs.js";
import type { Cli } from "./shell/context.js";
import { wholeNumber } from "./shell/options.js";
import { address, listenForMetrics } from "./watching/listen.js";

interface ServeFlags {
  readonly embedded?: true;
  readonly jobs?: string;
  readonly maxParallel: number;
  readonly listen: string;
  readonly tokenFile?: string;
  readonly drain: number;
  readonly metricsListen?: Listening;
}

/** Specs are looked at, and jumps of the clock are noticed, this often. */
const lookEveryMs = 2000;

export function declare(command: Command): void {
  declareQueue(command)
    .option("--embedded", "all on this machine, with the journal: no server is needed")
    .option("--jobs <dir>", "folder of the specs (default: jobs/ of this project)")
    .addOption(
      new Option("--max-parallel <n>", "runs at a time; they share the cores")
        .argParser(wholeNumber(1))
        .default(1),
    )
    .addOption(new Option("--listen <address>", "of the HTTP interface, or none").default("127.0.0.1:8080"))
    .option(
      "--token-file <file>",
      "holds the token that the HTTP interface asks for (or NIGHTSHIFT_API_TOKEN)",
    )
    .addOption(
      new Option("--drain <seconds>", "how long SIGTERM lets runs go on before it stops them between chunks")
        .argParser(seconds)
        .default(20),
    )
    .option("--metrics-listen <address>", "serve metrics to Prometheus there: 127.0.0.1:9464", address)
    .addHelpText(
      "after",
      `
With --ledger, ticks and runs are kept in its database, and any number of services may follow the same jobs, on any
number of machines; with --queue, workers do the partitions. Specs are read again when they change. SIGTERM drains;
what it cuts short goes on later. On other addresses than the loopback the HTTP interface needs a token, and a proxy
that speaks TLS before it.

Examples:
  nightshift serve --embedded
  nightshift serve --ledger postgres://nightshift@db/nightshift --listen 0.0.0.0:8080 --token-file /run/secrets/token`,
    );
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const flags = command.opts<ServeFlags>();
  refuseHalfEmbedded(cli, flags.embedded === true);
  const folder = jobsFolder(cli, flags.jobs);
  const place = await apiPlace(cli, flags);
  cli.logging();
  const stopping = cli.gently("stopping: nothing new is started");
  const tell = (event: ServeEvent): void => {
    if (cli.globals.json) cli.out.line(serveJson(event, cli.clock.now()));
    else if (!cli.globals.quiet || !isQuiet(event)) cli.err.line(serveLine(event, cli.cwd, cli.clock.now()));
  };
  for (const link of await unprotectedLinks(cli)) tell({ type: "connection.unprotected", ...link });
  let service: Service | null = null;
  const served = () => service?.specs.specs().flatMap(({ good }) => (good === null ? [] : [good])) ?? [];
  const watch = await watchJobs(cli, await cli.app(), served);
  try {
    service = await openService(cli, { folder, maxParallel: flags.maxParallel, tell, watch });
    try {
      // Before it is asked about them.
      await service.refresh();
      const doors = await openDoors(cli, service, { flags, place, watch, tell, stopping });
      try {
        await serveUntil(cli, stopping, service);
        return await drain(cli, service, flags.drain * 1000);
      } finally {
        await doors.close();
      }
    } finally {
      await service.close();
    }
  } finally {
    await watch.close();
  }
}

interface DoorsOptions {
  readonly flags: ServeFlags;
  readonly place: ApiPlace | null;
  readonly watch: JobWatch;
  readonly tell: (event: ServeEvent) => void;
  readonly stopping: AbortSignal;
}

/** Where the service is asked and watched. */
async function openDoors(
  cli: Cli,
  service: Service,
  { flags, place, watch, tell, stopping }: DoorsOptions,
): Promise<{ close(): Promise<void> }> {
  const { metricsListen } = flags;
  const metrics =
    metricsListen === undefined ? null : await listenForMetrics(cli, metricsListen, watch.metrics);
  try {
    const parts = { isDraining: () => stopping.aborted, metrics: () => watch.metrics.metrics(), tell };
    const api = place === null ? null : await openApi(cli, service, place, parts);
    return {
      async close() {
        await api?.close();
        await metrics?.close();
      },
    };
  } catch (error) {
    await metrics?.close();
    throw error;
  }
}

async function serveUntil(cli: Cli, stopping: AbortSignal, service: Service): Promise<void> {
  let told = "";
  while (!stopping.aborted) {
    // A folder that cannot be read for a while leaves the jobs as they are.
    const problem = await service.refresh().then(
      () => "",
      (error: unknown) => asNightshiftError(error).message,
    );
    if (problem !== told && problem !== "")
      cli.note({ level: "error", message: "jobs unreadable", text: problem });
    told = problem;
    const next = await service.look();
    const untilNextMs = next === null ? lookEveryMs : next.getTime() - cli.clock.now().getTime();
    await pause(Math.max(10, Math.min(lookEveryMs, untilNextMs)), stopping);
  }
}

/** @returns the exit code: 0 when nothing was cut short */
async function drain(cli: Cli, service: Service, drainMs: number): Promise<number> {
  const ended = service.drain();
  const running = service.underWay();
  if (running > 0 && !cli.globals.quiet)
    cli.note({
      ...{ level: "info", message: "draining", text: `waiting for ${counted(running, "run")} to end` },
      fields: { runs: running, seconds: drainMs / 1000 },
    });
  const isDone = await Promise.race([ended.then(() => true), pause(drainMs).then(() => false)]);
  if (!isDone) {
    service.stop();
    await ended;
  }
  if (service.underWay() === 0 && isDone) return exitCodes.ok;
  return cli.interruptedBy() === "SIGINT" ? exitCodes.interrupted : exitCodes.terminated;
}

function jobsFolder(cli: Cli, given: string | undefined): string {
  const { root, skipped } = findProject(cli.cwd);
  const folder =
    given === undefined ? (root === null ? null : join(root, "jobs")) : localPath(given, cli.cwd);
  if (folder !== null && existsSync(folder)) return folder;
  throw new SpecError(
    "usage.no-jobs",
    `there is no folder of jobs ${folder === null ? "here" : `at ${folder}`}`,
    {
      hint:
        (given === undefined ? skippedHint(skipped) : undefined) ??
        "Write specs into a `jobs` folder, or name one with --jobs.",
    },
  );
}

/** Where ticks and runs are kept is said, not guessed: a service that forgets them runs nights twice, or never. */
function refuseHalfEmbedded({ settings }: Cli, isEmbedded: boolean): void {
  const { ledger, queue } = settings;
  if (isEmbedded && (ledger !== null || queue !== null))
    throw new SpecError(
      "usage.half-embedded",
      `--embedded needs no server, and a ${ledger === null ? "queue" : "ledger"} is named`,
      { hint: "Leave --embedded out, or unset NIGHTSHIFT_LEDGER and NIGHTSHIFT_QUEUE." },
    );
  if (!isEmbedded && ledger === null)
    throw new SpecError("usage.no-ledger", "no database is named that keeps ticks and runs", {
      hint: "Name one with --ledger, or keep all on this machine: nightshift serve --embedded",
    });
}

/** What `--quiet` leaves out. */
function isQuiet(event: ServeEvent): boolean {
  if (event.type === "tick.ended") return event.end.status !== "failed";
  if (event.type === "tick.decided") return event.tick.verdict !== "missed";
  if (event.type === "run.ended") return event.status !== "failed";
  if (event.type === "run.finished") return event.end.status !== "failed";
  if (event.type === "connection.unprotected") return false;
  return event.type !== "spec.broken" && event.type !== "schedule.failed" && event.type !== "serve.failed";
}

function seconds(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 86_400)
    throw new InvalidArgumentError("Give whole seconds, a day at most.");
  return value;
}
