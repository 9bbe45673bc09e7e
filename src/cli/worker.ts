import { type Command, InvalidArgumentError, Option } from "commander";
import { SpecError } from "../errors.js";
import { type Lane, laneNames, tagSyntax, usualTag } from "../job/lane.js";
import type { Listening } from "../observers/metrics/metrics-server.js";
import { openMetrics } from "../service/observe.js";
import { type LogEntry, logText } from "../text/log-text.js";
import { packageVersion } from "../wiring/packaged.js";
import type { WorkerEvent } from "../worker/queue-worker.js";
import { type UnprotectedLink, unprotectedEntry, unprotectedLinks } from "./doctor/protection.js";
import { logLine } from "./output/log-line.js";
import { declareQueue } from "./running/run-options.js";
import type { Cli } from "./shell/context.js";
import { address, listenForMetrics } from "./shell/metrics-port.js";
import { durationMs, names, wholeNumber } from "./shell/options.js";
import { RunLines } from "./working/run-lines.js";
import { runEventOf, workerEntry, workerJson } from "./working/worker-text.js";

interface WorkerFlags {
  readonly threads?: number;
  readonly tags?: readonly string[];
  readonly lanes?: readonly Lane[];
  readonly lease?: number;
  readonly grace?: number;
  readonly metricsListen?: Listening;
}

const defaultMs = 30_000;
/** A third of it must be time enough for a round trip to a busy database. */
const leastLeaseMs = 1_000;

export function declare(command: Command): void {
  declareQueue(command)
    .option("--threads <n>", "partitions at once (default: every core)", wholeNumber(1))
    .option(
      "--tags <a,b>",
      `jobs that it can do, by what they ask for in runs_on (default: ${usualTag})`,
      tags,
    )
    .addOption(
      new Option("--lanes <a,b>", `lanes that it serves (default: ${laneNames.join(",")})`).argParser(lanes),
    )
    .option(
      "--lease <time>",
      "lease duration: a worker that does not renew within this time loses the partition (default: 30s)",
      durationMs,
    )
    .option("--grace <time>", "how long partitions may take to end after SIGTERM (default: 30s)", durationMs)
    .option("--metrics-listen <address>", "serve metrics to Prometheus there: 127.0.0.1:9464", address)
    .addHelpText(
      "after",
      `
Takes partitions of runs that were started with --queue, until it is stopped. After the first Ctrl-C or SIGTERM it
takes nothing new and lets attempts end; what is unfinished after the grace period is released for another worker.

Example:
  nightshift worker --queue redis://queue:6379 --ledger postgres://nightshift@db/nightshift --threads 4`,
    );
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const {
    threads = cli.settings.cores,
    lease = defaultMs,
    grace = defaultMs,
    metricsListen,
    ...serves
  } = command.opts<WorkerFlags>();
  const { tags = [usualTag], lanes = laneNames } = serves;
  if (lease < leastLeaseMs)
    throw new SpecError("usage.invalid-argument", `a lease of ${lease} ms is too short`, {
      hint: "Give --lease at least 1s.",
    });
  cli.logging();
  const stopping = cli.stopGracefully("stopping: nothing new is taken");
  for (const link of await unprotectedLinks(cli)) warnOf(cli, link);
  const app = await cli.app();
  const metrics =
    metricsListen === undefined ? null : await openMetrics(cli, { jobs: () => [], isWorker: true });
  const runs = new RunLines({ monotonicMs: cli.clock.monotonicMs, after, log: (entry) => log(cli, entry) });
  const worker = await app.worker({
    ...{ threads, tags, lanes, leaseMs: lease, version: packageVersion() },
    tell(event) {
      const attempt = runEventOf(event);
      if (attempt !== null) metrics?.attempt(attempt);
      if (jsonPlace(cli) === null) runs.on(event);
      tell(cli, event);
    },
  });
  const server =
    metrics === null || metricsListen === undefined
      ? null
      : await listenForMetrics(cli, metricsListen, metrics);
  const { place } = await app.queue();
  ready(cli, { threads, tags, lanes, queue: place, ledger: (await app.ledger()).place });
  const refused = await Promise.race([aborted(stopping), worker.refused]);
  await worker.stop(grace);
  await server?.close();
  const json = jsonPlace(cli);
  if (json !== null) logLine(json, "worker.stopped");
  else {
    runs.close();
    log(cli, { level: "info", message: "worker stopped", fields: {} });
  }
  if (refused !== undefined) throw refused;
  return 0;
}

function warnOf(cli: Cli, link: UnprotectedLink): void {
  const json = jsonPlace(cli);
  if (json !== null) logLine(json, "connection.unprotected", link);
  else log(cli, unprotectedEntry(link));
}

interface Readiness {
  readonly threads: number;
  readonly tags: readonly string[];
  readonly lanes: readonly Lane[];
  readonly queue: string;
  readonly ledger: string;
}

function ready(cli: Cli, readiness: Readiness): void {
  const { threads, tags, lanes, queue, ledger } = readiness;
  const json = jsonPlace(cli);
  if (json !== null) logLine(json, "worker.ready", { ...readiness });
  else
    log(cli, {
      ...{ level: "info", message: "worker ready" },
      fields: { threads, tags: tags.join(","), lanes: lanes.join(","), queue, ledger },
    });
}

function tags(text: string, before: readonly string[] = []): readonly string[] {
  const given = names(text, before);
  if (given.every((tag) => tagSyntax.test(tag))) return [...new Set(given)];
  throw new InvalidArgumentError("Give tags of small letters, digits, `-` and `_`, such as gpu,cpu.");
}

function lanes(text: string, before: readonly Lane[] = []): readonly Lane[] {
  const given = laneNames.filter((lane) => names(text, before).includes(lane));
  if (names(text, before).every((name) => laneNames.some((lane) => lane === name))) return given;
  throw new InvalidArgumentError(`Give some of ${laneNames.join(", ")}.`);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Stream for JSON: stdout with `--json`, stderr with `--progress json` alone; `null`: text for users instead. */
function jsonPlace({ globals, out, err, clock }: Cli): Pick<Cli, "out" | "clock"> | null {
  if (globals.json) return { out, clock };
  return globals.progress === "json" ? { out: err, clock } : null;
}

function log({ globals, err, clock }: Cli, entry: LogEntry): void {
  if (!globals.quiet || entry.level === "error") err.line(logText(clock.now(), entry));
}

/** A timer keeps no process from ending. */
function after(ms: number, work: () => void): () => void {
  const timer = setTimeout(work, ms);
  timer.unref();
  return () => clearTimeout(timer);
}

function tell(cli: Cli, event: WorkerEvent): void {
  if (event.type === "progress") return;
  const json = jsonPlace(cli);
  if (json !== null) {
    json.out.line(workerJson(event, cli.clock.now()));
    return;
  }
  const entry = workerEntry(event, cli.globals.verbose);
  if (entry !== null) log(cli, entry);
}
