import { basename, join } from "node:path";
import { type Command, Option } from "commander";
import { toErrorRecord } from "../errors.js";
import type { WriteSpec } from "../job/output.js";
import type { RunRequest } from "../running/run-request.js";
import { jobFor } from "../service/jobs.js";
import { fetchAllFlights } from "./demo/all-flights.js";
import { demoEnd } from "./demo/demo-end.js";
import { runNights } from "./demo/nights.js";
import { addFullJob, makeProject, nightsIn } from "./demo/project.js";
import { errorText } from "./output/error-text.js";
import { renderRows } from "./output/rows.js";
import { outcomeRecord, publishedBy, runWithProgress } from "./running/follow-run.js";
import { outcomeExit } from "./running/outcome-exit.js";
import type { Followed } from "./running/outcome-text.js";
import type { Cli } from "./shell/context.js";

interface DemoFlags {
  readonly full?: true;
  readonly nightly?: true;
}

const folder = "nightshift-demo";
const rowsRead = 1000;
const rowsShown = 8;

export function declare(command: Command): void {
  command
    .addOption(
      new Option("--full", "score all 3,000,000 flights; fetches 18 MB with npm").conflicts("nightly"),
    )
    .option(
      "--nightly",
      "two nights of a service on a clock that jumps, with late input, a failure and its recovery",
    )
    .addHelpText("after", `\nMakes a folder ./${folder} with a job, a model and data to play with.`);
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const flags = command.opts<DemoFlags>();
  if (flags.nightly === true) return (await import("./demo/nightly.js")).runNightly(cli);
  // Started inside of a demo folder, it goes on there.
  const directory = basename(cli.cwd) === folder ? cli.cwd : join(cli.cwd, folder);
  makeProject(directory);
  const demo = cli.globals.state === null ? cli.withState(join(directory, ".nightshift")) : cli;
  const full = flags.full === true;
  const { runs, write } = full
    ? await runAllFlights(demo, directory)
    : await runWeek(demo, directory, nightsIn(directory));
  const exits = runs.map(({ outcome }) =>
    outcomeExit(outcome, { quarantineExitZero: false, interruptedBy: cli.interruptedBy() }),
  );
  if (write !== null) await tell(demo, runs, write, full);
  return Math.max(0, ...exits);
}

async function runWeek(cli: Cli, directory: string, nights: readonly string[]) {
  say(cli, [
    cli.err.paint.bold("Will this flight be more than 15 minutes late?"),
    "A scikit-learn model scores a week of real US flights, one run a night.",
    cli.err.paint.dim(`The job: ${folder}/jobs/flight-delay.yaml`),
    "",
  ]);
  return runNights(cli, directory, nights);
}

async function runAllFlights(cli: Cli, directory: string) {
  say(cli, [
    cli.err.paint.bold("Will this flight be more than 15 minutes late?"),
    "A scikit-learn model scores the 3,000,000 real US flights of January to June 2001.",
    cli.err.paint.dim(`The job: ${folder}/jobs/all-flights.yaml`),
    "",
  ]);
  await fetchAllFlights(directory, cli.stopGracefully(), (what) => say(cli, [what]));
  const { job, specPath } = await jobFor(cli, addFullJob(directory), {});
  const request: RunRequest = {
    ...{ job, kind: "spec", specPath, trigger: "cli", guess: false },
    ...{ reprocess: false, restart: false, takeOver: false },
  };
  const runner = await (await cli.app()).runner();
  const followed = await runWithProgress(cli, (options) => runner.run(request, options));
  if (cli.globals.json)
    cli.out.line(JSON.stringify({ type: "run.outcome", ...outcomeRecord(followed.outcome) }));
  return { runs: [followed], write: job.write };
}

async function tell(cli: Cli, runs: readonly Followed[], write: WriteSpec, full: boolean): Promise<void> {
  const { err, out, globals, cwd, program } = cli;
  const last = runs.at(-1)?.outcome;
  if (last === undefined) return;
  if (last.status === "failed" && last.error !== null)
    err.line(
      globals.json
        ? JSON.stringify({ error: toErrorRecord(last.error) })
        : errorText(last.error, err, globals.verbose),
    );
  const published = await publishedBy(cli, last, write);
  if (globals.json || globals.quiet) return;
  // The last file has the evening's flights, which are late more often.
  const file = published?.files.at(-1);
  if (file !== undefined) {
    const host = await (await cli.app()).host();
    const { columns, rows } = await host.call("read-rows", { from: [file.path], limit: rowsRead });
    out.line(`\n${renderRows(columns, spread(rows, rowsShown), out)}`);
  }
  err.line(`\n${demoEnd({ runs, published, write, full }, { cwd, program, folder }, err)}`);
}

/** A few items from all over a list, in its order. */
function spread<T>(items: readonly T[], most: number): readonly T[] {
  const step = Math.max(1, Math.floor(items.length / most));
  return items.filter((_, index) => index % step === 0).slice(0, most);
}

function say({ err, globals }: Cli, lines: readonly string[]): void {
  if (!globals.json && !globals.quiet) for (const line of lines) err.line(line);
}
