import { type Command, Option } from "commander";
import { SpecError } from "../errors.js";
import type { Baseline } from "../ledgers/backfill-store.js";
import type { Observer } from "../observers/observer.js";
import { type BackfillStop, watchForStop } from "../running/backfill-stop.js";
import {
  backfillKeyOf,
  baselineOf,
  type DecideParts,
  type Decision,
  decideInterval,
  type IntervalEnd,
  type Reprocess,
  runIntervals,
} from "../service/backfill.js";
import { counted } from "../text/human.js";
import { pause } from "../wiring/system-clock.js";
import { decideParts } from "./backfilling/decide-parts.js";
import { backfillExit } from "./backfilling/exit-code.js";
import { type JobIntervals, jobOverIntervals } from "./backfilling/job-intervals.js";
import { tellDecisions, tellEnd, tellInterval } from "./backfilling/tell.js";
import { openTracks } from "./backfilling/tracks.js";
import {
  declareMetrics,
  declareQuarantineExit,
  declareQueue,
  type MetricsFlags,
  type QuarantineFlags,
} from "./running/run-options.js";
import { declareWaitFor, inputWait, type WaitFlags } from "./running/wait-for-input.js";
import type { Cli } from "./shell/context.js";
import { variable, wholeNumber } from "./shell/options.js";
import { watched } from "./watching/watched.js";

interface BackfillFlags extends QuarantineFlags, MetricsFlags, WaitFlags {
  readonly from: string;
  readonly to: string;
  readonly var?: { readonly [name: string]: string };
  readonly reprocess: Reprocess;
  readonly maxParallel: number;
  readonly maxFailures?: number;
  readonly newestFirst?: true;
  readonly dryRun?: true;
  readonly yes?: true;
  readonly restart?: true;
  readonly takeOver?: true;
}

/** More than anybody wants by mistake. */
const askAbove = 50;

export function declare(command: Command): void {
  command
    .requiredOption("--from <instant>", "any instant in the first interval, such as 2026-01-01")
    .requiredOption("--to <instant>", "any instant in the last interval, which is included")
    .addOption(
      new Option(
        "--reprocess <which>",
        "missing: not published; failed: tried without success; stale: missing, or published from another spec, model or input; all",
      )
        .choices(["missing", "failed", "stale", "all"])
        .default("missing"),
    )
    .addOption(
      new Option("--max-parallel <n>", "intervals at a time; they share the cores")
        .argParser(wholeNumber(1))
        .default(1),
    )
    .option("--newest-first", "begin with the last interval")
    .addOption(
      new Option("--max-failures <n>", "start no further intervals after this many have failed").argParser(
        wholeNumber(1),
      ),
    )
    .option("--dry-run", "only say what would run and what would be skipped")
    .option("-y, --yes", `do not ask above ${askAbove} intervals`)
    .option("--var <name=value>", "a value for {{ var.name }}; may be repeated", variable)
    .option("--restart", "drop unfinished runs of these intervals and begin them anew")
    .option("--take-over", "claim runs of a process on another host; use only if that process is dead");
  declareMetrics(declareQuarantineExit(declareQueue(declareWaitFor(command))));
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const flags = command.opts<BackfillFlags>();
  const over = await jobOverIntervals(cli, command.args[0] ?? "", flags);
  const stop = await watchForStop(over.name, await (await cli.app()).ledger(), pause);
  try {
    return await backfill(cli, over, flags, stop);
  } finally {
    stop.close();
  }
}

async function backfill(
  cli: Cli,
  over: JobIntervals,
  flags: BackfillFlags,
  stop: BackfillStop,
): Promise<number> {
  const parts = await decideParts(cli);
  const decisions = await decideAll(cli, over, parts, flags);
  tellDecisions(cli, over.name, decisions);
  const due = decisions.filter(({ action }) => action === "run");
  if (flags.dryRun === true) return 0;
  if (due.length === 0) {
    await forget(cli, over, flags);
    if (!cli.globals.json && !cli.globals.quiet) cli.err.line("nothing to do");
    return 0;
  }
  await confirm(cli, due.length, flags);

  const startedMs = cli.clock.monotonicMs();
  const ends = await watched(cli, flags, over, (observers) =>
    runDue(cli, over, due, flags, { stop, observers }),
  );
  const isCancelled = stop.signal.aborted;
  const seconds = (cli.clock.monotonicMs() - startedMs) / 1000;
  if (ends.length === due.length && ends.every(({ error }) => error === null)) await forget(cli, over, flags);
  const exitCode = backfillExit(ends, due.length, {
    quarantineExitZero: flags.quarantineExitZero === true,
    interruptedBy: cli.interruptedBy(),
    isCancelled,
  });
  tellEnd(cli, { over, decisions, ends, due: due.length, seconds, exitCode, isCancelled });
  return exitCode;
}

async function decideAll(
  cli: Cli,
  { intervals }: JobIntervals,
  parts: DecideParts,
  { reprocess, dryRun }: BackfillFlags,
): Promise<readonly Decision[]> {
  const baseline = reprocess === "all" ? await baselineFor(cli, intervals, parts, dryRun === true) : null;
  const decisions: Decision[] = [];
  for (const interval of intervals)
    decisions.push(await decideInterval(interval, parts, { reprocess, baseline }));
  return decisions;
}

async function baselineFor(
  cli: Cli,
  intervals: JobIntervals["intervals"],
  parts: DecideParts,
  dryRun: boolean,
): Promise<Baseline> {
  const book = await (await cli.app()).backfillStore();
  const key = backfillKeyOf(intervals);
  const begun = await book.read(key);
  if (begun !== null) {
    if (!cli.globals.quiet && !cli.globals.json)
      cli.err.line(`going on with the backfill that began at ${begun.startedAt}`);
    return begun;
  }
  const baseline = {
    startedAt: cli.clock.now().toISOString(),
    generations: await baselineOf(intervals, parts),
  };
  return dryRun ? baseline : book.begin(key, baseline);
}

async function forget(cli: Cli, { intervals }: JobIntervals, { reprocess }: BackfillFlags): Promise<void> {
  if (reprocess === "all") await (await (await cli.app()).backfillStore()).finish(backfillKeyOf(intervals));
}

/** Nobody is there to answer where there is no terminal: a timer that backfills means it. */
async function confirm(cli: Cli, due: number, { yes }: BackfillFlags): Promise<void> {
  if (due <= askAbove || yes === true || cli.globals.json) return;
  if (!cli.err.isTerminal || process.stdin.isTTY !== true) return;
  const { openPrompt } = await import("./init/prompt.js");
  const prompt = openPrompt({
    ...{ input: process.stdin, output: process.stderr, terminal: true, paint: cli.err.paint },
  });
  try {
    const answer = await prompt.ask({ text: `Run ${counted(due, "interval")}?`, offered: "no" });
    if (!/^y(es)?$/i.test(answer))
      throw new SpecError("usage.not-confirmed", "nothing was started", {
        hint: "Answer yes, or start it with --yes.",
      });
  } finally {
    prompt.close();
  }
}

async function runDue(
  cli: Cli,
  { specPath, upstreams }: JobIntervals,
  due: readonly Decision[],
  flags: BackfillFlags,
  { stop, observers }: { readonly stop: BackfillStop; readonly observers: readonly Observer[] },
): Promise<readonly IntervalEnd[]> {
  const atOnce = Math.min(flags.maxParallel, cli.settings.cores, due.length);
  if (atOnce < Math.min(flags.maxParallel, due.length) && !cli.globals.quiet && !cli.globals.json)
    cli.err.line(`${atOnce} at a time: there are no more cores`);
  const tracks = await openTracks(cli, {
    tracks: atOnce,
    specPath,
    restart: flags.restart === true,
    takeOver: flags.takeOver === true,
    observers,
    wait: inputWait(cli, flags, upstreams),
  });
  try {
    return await runIntervals(flags.newestFirst === true ? due.toReversed() : due, tracks.all, {
      maxFailures: flags.maxFailures ?? Number.POSITIVE_INFINITY,
      signal: AbortSignal.any([cli.gently(), stop.signal]),
      beforeStart: stop.look,
      onEnd: (end) => tellInterval(cli, end),
    });
  } finally {
    await tracks.close();
  }
}
