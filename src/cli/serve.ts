import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { ApiPlace } from "../api/listen.js";
import { findProject, skippedHint } from "../config.js";
import { exitCodes, SpecError } from "../errors.js";
import type { Listening } from "../observers/metrics/metrics-server.js";
import { localPath } from "../service/paths.js";
import { type Service, serve } from "../service/serve.js";
import type { JobWatch } from "../service/watch-jobs.js";
import { counted } from "../text/human.js";
import { unprotectedLinks } from "./doctor/protection.js";
import { type ServeEvent, serveJson, serveLine } from "./output/serve-text.js";
import { serviceObservers } from "./running/progress.js";
import { declareQueue } from "./running/run-options.js";
import type { Cli } from "./shell/context.js";
import { address, listenForMetrics } from "./shell/metrics-port.js";
import { wholeNumber } from "./shell/options.js";

interface ServeFlags {
  readonly embedded?: true;
  readonly jobs?: string;
  readonly maxParallel: number;
  readonly listen: string;
  readonly tokenFile?: string;
  readonly drain: number;
  readonly metricsListen?: Listening;
}

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
  const { apiPlace } = await import("../api/listen.js");
  const place = apiPlace(cli, flags);
  cli.logging();
  const stopping = cli.stopGracefully("stopping: nothing new is started");
  const tell = (event: ServeEvent): void => {
    if (cli.globals.json) cli.out.line(serveJson(event, cli.clock.now()));
    else if (!cli.globals.quiet || !isQuiet(event)) cli.err.line(serveLine(event, cli.cwd, cli.clock.now()));
  };
  for (const link of await unprotectedLinks(cli)) tell({ type: "connection.unprotected", ...link });
  const { maxParallel, drain, metricsListen } = flags;
  const end = await serve(cli, {
    folder,
    maxParallel,
    stopping,
    drainMs: drain * 1000,
    tell,
    progress: () => serviceObservers(cli),
    openInterfaces: (service, watch) =>
      openInterfaces(cli, service, { place, watch, tell, stopping, metricsListen }),
    onDraining(running) {
      if (cli.globals.quiet) return;
      cli.note({
        level: "info",
        message: "draining",
        text: `waiting for ${counted(running, "run")} to end`,
        fields: { runs: running, seconds: drain },
      });
    },
  });
  if (end === "drained") return exitCodes.ok;
  return cli.interruptedBy() === "SIGINT" ? exitCodes.interrupted : exitCodes.terminated;
}

interface InterfacesOptions {
  /** Where the HTTP interface listens; `null`: nowhere. */
  readonly place: ApiPlace | null;
  readonly metricsListen: Listening | undefined;
  readonly watch: JobWatch;
  readonly tell: (event: ServeEvent) => void;
  readonly stopping: AbortSignal;
}

/** Opens the HTTP interface and the metrics' port. */
async function openInterfaces(
  cli: Cli,
  service: Service,
  { place, metricsListen, watch, tell, stopping }: InterfacesOptions,
): Promise<{ close(): Promise<void> }> {
  const metrics =
    metricsListen === undefined ? null : await listenForMetrics(cli, metricsListen, watch.metrics);
  try {
    const parts = { isDraining: () => stopping.aborted, metrics: () => watch.metrics.metrics(), tell };
    const { openApi } = await import("../api/server.js");
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
