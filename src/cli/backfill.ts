import { type Command, Option } from "commander";
import { SpecError } from "../errors.js";
import { type BackfillRequest, backfill } from "../service/backfill.js";
import type { Reprocess } from "../service/decide-intervals.js";
import type { MetricsPush } from "../service/observe.js";
import { counted } from "../text/human.js";
import { tellDecisions, tellEnd, tellInterval } from "./output/backfill-text.js";
import { reportWait } from "./running/follow-run.js";
import { backfillExit } from "./running/outcome-exit.js";
import { runObservers } from "./running/progress.js";
import {
  declareMetrics,
  declareQuarantineExit,
  declareQueue,
  declareWaitFor,
  type QuarantineFlags,
  type WaitFlags,
} from "./running/run-options.js";
import type { Cli } from "./shell/context.js";
import { variable, wholeNumber } from "./shell/options.js";

interface BackfillFlags extends QuarantineFlags, MetricsPush, WaitFlags {
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

/** Above this number, a confirmation is required. */
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
  const { globals, err } = cli;
  const isTold = !globals.quiet && !globals.json;
  const { over, decisions, ends, due, seconds, isCancelled } = await backfill(
    cli,
    command.args[0] ?? "",
    requestOf(flags),
    {
      onResume(startedAt) {
        if (isTold) err.line(`going on with the backfill that began at ${startedAt}`);
      },
      onDecisions: ({ name }, all) => tellDecisions(cli, name, all),
      confirm: (count) => confirm(cli, count, flags),
      onFewerSlots(slots) {
        if (isTold) err.line(`${slots} at a time: there are no more cores`);
      },
      onWait: reportWait(cli),
      observersOf: ({ interval }, slots) => {
        const shown = slots === 1 ? cli : withoutProgress(cli);
        return runObservers(shown, { label: interval.ds, lines: "warnings" });
      },
      onEnd: (end) => tellInterval(cli, end),
      signal: () => cli.stopGracefully(),
    },
  );
  if (flags.dryRun === true) return 0;
  if (ends === null) {
    if (isTold) err.line("nothing to do");
    return 0;
  }
  const exitCode = backfillExit(ends, due, {
    quarantineExitZero: flags.quarantineExitZero === true,
    interruptedBy: cli.interruptedBy(),
    isCancelled,
  });
  tellEnd(cli, { over, decisions, ends, due, seconds, exitCode, isCancelled });
  return exitCode;
}

function requestOf(flags: BackfillFlags): BackfillRequest {
  const { newestFirst, dryRun, restart, takeOver, waitFor, ...rest } = flags;
  return {
    ...rest,
    newestFirst: newestFirst === true,
    dryRun: dryRun === true,
    restart: restart === true,
    takeOver: takeOver === true,
    waitForMs: waitFor,
  };
}

/** Bars of several runs would overwrite each other. Events say which run they are of. */
function withoutProgress(cli: Cli): Cli {
  const { globals } = cli;
  if (globals.json || globals.progress === "json") return cli;
  return { ...cli, globals: { ...globals, progress: "none" } };
}

/** Asks only on a terminal: a timer that backfills means it. */
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
