import type { Command } from "commander";
import { asNightshiftError, exitCodeOf, exitCodes, type NightshiftError, toErrorRecord } from "../errors.js";
import type { Job } from "../job/job.js";
import type { Plan } from "../job/plan.js";
import { isInputMissing } from "../running/wait-for-input.js";
import { type JobMoment, jobFor, jobsHere } from "../service/jobs.js";
import { shownPath } from "../service/paths.js";
import { intervalLabel } from "../time/interval.js";
import { errorText } from "./output/error-text.js";
import { checkFacts, rowsText } from "./output/plan-text.js";
import { declareInterval, declareNoHooks } from "./running/run-options.js";
import { type Cli, printJson } from "./shell/context.js";

type Checked = { readonly job: string } & (
  | { readonly result: "valid"; readonly plan: Plan }
  /** The spec is sound, but the interval that was looked at has no input to check the columns of. */
  | { readonly result: "no-input"; readonly interval: string; readonly error: NightshiftError }
  /** The spec is sound, and a run needs values that were not given. */
  | { readonly result: "no-values"; readonly error: NightshiftError }
  /** The spec is sound, and it has hooks that may not run here: its columns were not looked at. */
  | { readonly result: "no-hooks"; readonly error: NightshiftError }
  | { readonly result: "invalid"; readonly error: NightshiftError }
);

export function declare(command: Command): void {
  declareNoHooks(declareInterval(command));
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const flags = command.opts<JobMoment>();
  const subjects = await subjectsOf(command.args, flags, cli);
  const checked: Checked[] = [];
  for (const subject of subjects) {
    const result = await check(cli, subject);
    checked.push(result);
    if (!cli.globals.json) show(cli, result);
  }
  if (cli.globals.json) printJson(cli.out, { jobs: checked.map(asJson) });
  else if (subjects.length === 0) cli.err.line("no jobs here: a job is a file jobs/<name>.yaml");
  const invalid = checked.flatMap((one) => (one.result === "invalid" ? [exitCodeOf(one.error)] : []));
  return Math.max(exitCodes.ok, ...invalid);
}

interface Subject {
  /** What to call it: a name, or the path as people gave it. */
  readonly name: string;
  readonly given: string;
  readonly flags: JobMoment;
}

/** The jobs that were named, or all there are. `--at` then is for those that have intervals. */
async function subjectsOf(named: readonly string[], flags: JobMoment, cli: Cli): Promise<readonly Subject[]> {
  if (named.length > 0) return named.map((given) => ({ name: given, given, flags }));
  const { at: _at, ...withoutInterval } = flags;
  return (await jobsHere(cli)).map(({ path, every }) => ({
    name: shownPath(path, cli.cwd),
    given: path,
    flags: every === null ? withoutInterval : flags,
  }));
}

async function check(cli: Cli, subject: Subject): Promise<Checked> {
  const { given, flags } = subject;
  let loaded: Job | null = null;
  try {
    const { job } = await jobFor(cli, given, flags);
    loaded = job;
    const runner = await (await cli.app()).runner();
    const { plan } = await runner.plan({ job, guess: false, tryLoad: true }, cli.stopGracefully());
    await (await (await cli.app()).sink(job.write)).outlook(job, plan.mapping.columns);
    return { job: job.name, result: "valid", plan };
  } catch (thrown) {
    const error = asNightshiftError(thrown);
    if (error.kind === "cancelled") throw error;
    if (error.code === "refused.hooks-off")
      return { job: loaded?.name ?? subject.name, result: "no-hooks", error };
    if (error.code === "usage.missing-var") return { job: subject.name, result: "no-values", error };
    const job = loaded?.name ?? subject.name;
    const interval = flags.at === undefined ? (loaded?.interval ?? null) : null;
    return interval !== null && isInputMissing(error)
      ? { job, result: "no-input", interval: intervalLabel(interval), error }
      : { job, result: "invalid", error };
  }
}

function show({ out, err, globals, cwd }: Cli, checked: Checked): void {
  const { paint } = out;
  const name = paint.bold(checked.job);
  switch (checked.result) {
    case "valid": {
      const { totals, job } = checked.plan;
      const interval = job.interval === null ? "" : ` for ${intervalLabel(job.interval)}`;
      out.line(`${paint.green("valid")}    ${name}${interval}: ${rowsText(totals, job.input)}`);
      for (const [, text] of checkFacts(checked.plan, cwd)) out.line(`         checked against ${text}`);
      for (const warning of checked.plan.mapping.warnings) err.line(err.paint.yellow(`         ${warning}`));
      return;
    }
    case "no-input":
      out.line(`${paint.yellow("no input")} ${name} for ${checked.interval}: ${checked.error.message}`);
      out.line("         the spec is sound; check its columns with --at and an instant that has data");
      return;
    case "no-values":
      out.line(`${paint.green("valid")}    ${name}: ${checked.error.message}`);
      out.line("         the spec is sound; check its columns with --var and a value");
      return;
    case "no-hooks":
      out.line(`${paint.yellow("no hooks")} ${name}: ${checked.error.message}`);
      out.line("         the spec is sound; its columns are checked where hooks may run");
      return;
    case "invalid":
      out.line(`${paint.red("invalid")}  ${name}`);
      err.line(`${errorText(checked.error, err, globals.verbose)}\n`);
  }
}

function asJson(checked: Checked): unknown {
  if (checked.result !== "valid") return { ...checked, error: toErrorRecord(checked.error) };
  const { fingerprint, totals, mapping, check, nulls } = checked.plan;
  return {
    job: checked.job,
    result: "valid",
    fingerprint,
    totals,
    ...(check === undefined ? {} : { check }),
    columns: mapping.columns,
    warnings: mapping.warnings,
    ...(nulls === undefined ? {} : { nulls }),
  };
}
