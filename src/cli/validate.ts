import type { Command } from "commander";
import { asNightshiftError, exitCodeOf, exitCodes, type NightshiftError, toErrorRecord } from "../errors.js";
import { counted } from "../human.js";
import type { Plan } from "../plan.js";
import { jobFor, jobsHere } from "./lookup/jobs.js";
import { errorText } from "./output/error-text.js";
import { declareInterval, type IntervalFlags } from "./running/run-options.js";
import { type Cli, printJson } from "./shell/context.js";

type Checked = { readonly job: string } & (
  | { readonly result: "valid"; readonly plan: Plan }
  /** The spec is sound, but the interval that was looked at has no input to check the columns of. */
  | { readonly result: "no-input"; readonly error: NightshiftError }
  | { readonly result: "invalid"; readonly error: NightshiftError }
);

export function declare(command: Command): void {
  declareInterval(command);
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const flags = command.opts<IntervalFlags>();
  const given = command.args.length > 0 ? command.args : (await jobsHere(cli)).map((job) => job.path);
  const checked: Checked[] = [];
  for (const job of given) {
    const result = await check(cli, job, flags);
    checked.push(result);
    if (!cli.globals.json) show(cli, result);
  }
  if (cli.globals.json) printJson(cli.out, { jobs: checked.map(asJson) });
  else if (given.length === 0) cli.err.line("no jobs here: a job is a file jobs/<name>.yaml");
  const invalid = checked.flatMap((one) => (one.result === "invalid" ? [exitCodeOf(one.error)] : []));
  return Math.max(exitCodes.ok, ...invalid);
}

async function check(cli: Cli, given: string, flags: IntervalFlags): Promise<Checked> {
  let name = given;
  try {
    const { job } = await jobFor(cli, given, flags);
    name = job.name;
    const runner = await (await cli.app()).runner();
    const { plan } = await runner.plan({ job, guess: false }, cli.gently());
    return { job: name, result: "valid", plan };
  } catch (thrown) {
    const error = asNightshiftError(thrown);
    if (error.kind === "cancelled") throw error;
    const unseen = error.code === "source.not-found" && name !== given && flags.at === undefined;
    return { job: name, result: unseen ? "no-input" : "invalid", error };
  }
}

function show({ out, err, globals }: Cli, checked: Checked): void {
  const { paint } = out;
  const name = paint.bold(checked.job);
  switch (checked.result) {
    case "valid": {
      const { totals, job } = checked.plan;
      const interval = job.interval === null ? "" : ` for ${job.interval.ds}`;
      out.line(
        `${paint.green("valid")}    ${name}${interval}: ${counted(totals.rows, "row")} in ${counted(totals.files, "file")}`,
      );
      for (const warning of checked.plan.mapping.warnings) err.line(err.paint.yellow(`         ${warning}`));
      return;
    }
    case "no-input":
      out.line(`${paint.yellow("no input")} ${name}: ${checked.error.message}`);
      out.line("         the spec is sound; check its columns with --at and an instant that has data");
      return;
    case "invalid":
      out.line(`${paint.red("invalid")}  ${name}`);
      err.line(`${errorText(checked.error, err.paint, globals.verbose)}\n`);
  }
}

function asJson(checked: Checked): unknown {
  if (checked.result !== "valid") return { ...checked, error: toErrorRecord(checked.error) };
  const { fingerprint, totals, mapping } = checked.plan;
  return {
    job: checked.job,
    result: "valid",
    fingerprint,
    totals,
    columns: mapping.columns,
    warnings: mapping.warnings,
  };
}
