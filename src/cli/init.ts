// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is how databases are named
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, isAbsolute, relative, resolve } from "node:path";
import type { Command } from "commander";
import { asNightshiftError, InfraError, SpecError } from "../errors.js";
import type { WorkerHost } from "../host/host.js";
import type { InputSpec } from "../job/input.js";
import { type CheckSpec, usualTolerance } from "../job/job.js";
import type { Plan } from "../job/plan.js";
import { jobFor } from "../service/jobs.js";
import { localPath, shownPath } from "../service/paths.js";
import type { PostgresInput } from "../sources/postgres/postgres-input.js";
import { jobYaml } from "../spec/write/job-yaml.js";
import { featuresYaml, outputsYaml } from "../spec/write/mapping-yaml.js";
import { counted } from "../text/human.js";
import { summarised } from "../text/summarised.js";
import { comparedOnce, howToCheck } from "./init/compared-once.js";
import { findFiles } from "./init/found-files.js";
import { inferMapping } from "./init/infer-mapping.js";
import { nullChoices } from "./init/null-choices.js";
import { openPrompt, type Prompt } from "./init/prompt.js";
import {
  askInput,
  askKey,
  askModel,
  askOut,
  askTable,
  askTo,
  refuseExisting,
  unknownColumn,
} from "./init/questions.js";
import { lookAtData, lookAtTable, type SeenData } from "./init/seen-data.js";
import { filesInput, refuseEnding, refuseOptionsOfFiles } from "./lookup/places.js";
import {
  type DatabasePlace,
  refuseSameTable,
  refuseTypedPassword,
  tableInput,
  tableWrite,
} from "./lookup/tables.js";
import { checkFacts } from "./output/plan-text.js";
import { type Cli, printJson } from "./shell/context.js";
import { fraction, names, repeated } from "./shell/options.js";

export interface InitFlags {
  readonly from?: string;
  readonly input?: readonly string[];
  readonly table?: string;
  readonly out?: string;
  readonly to?: string;
  readonly toTable?: string;
  readonly key?: readonly string[];
  readonly features?: readonly string[];
  readonly externalData?: readonly string[];
  readonly acceptGuess?: true;
  readonly plainFiles?: true;
  readonly check?: string;
  readonly tolerance?: number;
  readonly force?: true;
}

export function declare(command: Command): void {
  command
    .option("--from <model.onnx>", "the model; asked for on a terminal, as everything that is missing")
    .option(
      "--input <path>",
      "Parquet file, glob or directory, may be repeated; or a database, with --table",
      repeated,
    )
    .option("--table <name>", "the table to score of the database that --input names: '${DATABASE_URL}'")
    .option("--out <job.yaml>", "where the job is written (default: jobs/<model>.yaml)")
    .option("--to <dir>", "where its predictions go (default: out/<job>); or a database, with --to-table")
    .option("--to-table <name>", "the table for its predictions, of the database that --to names")
    .option("--key <a,b>", "columns that identify a row (default: file and row number)", names)
    .option("--features <a,b>", "columns that feed the model, in its order (default: found by name)", names)
    .option("--accept-guess", "feed an unnamed input by the columns that init would guess; shown first")
    .option(
      "--plain-files",
      "read files of a Delta, Hudi or Iceberg table as they are: they are known to be live",
    )
    .option(
      "--check <file.parquet>",
      "rows with the training library's own predictions; compared now, and by each run of the job",
    )
    .option(
      "--tolerance <x>",
      "what a number may differ by, times max(1, |expected|) (default: 1e-5)",
      fraction,
    )
    .option("--external-data <file>", "a file that the model keeps tensors in; may be repeated", repeated)
    .option("--force", "replace a job that is there already");
  command.addHelpText(
    "after",
    `
Examples:
  nightshift init
  nightshift init --from model.onnx --input 'data/*.parquet' --key id --out jobs/churn.yaml
  nightshift init --from model.onnx --input data.parquet --check churn.check.parquet
  nightshift init --from model.onnx --input '\${DATABASE_URL}' --table public.users --key id --to '\${DATABASE_URL}' --to-table scores.churn`,
  );
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const prompt = promptFor(cli);
  try {
    const path = await writeJob(command.opts<InitFlags>(), cli, prompt);
    prompt?.close();
    return await check(cli, path);
  } finally {
    prompt?.close();
  }
}

/** Questions need an interactive terminal. */
function promptFor({ err, globals }: Cli): Prompt | null {
  if (globals.json || globals.quiet || !err.isTerminal || process.stdin.isTTY !== true) return null;
  return openPrompt({ input: process.stdin, output: process.stderr, terminal: true, paint: err.paint });
}

/** Asks, or takes what was given; then writes the job. @returns its absolute path */
export async function writeJob(
  flags: InitFlags,
  cli: Pick<Cli, "cwd" | "app" | "stopGracefully" | "settings" | "secrets">,
  prompt: Prompt | null,
): Promise<string> {
  const { cwd } = cli;
  refuseLoneTolerance(flags);
  const near = prompt === null ? { models: [], data: [] } : findFiles(cwd);
  const model = flags.from ?? (await askModel(prompt, near, cwd));
  const modelPath = localPath(model, cwd);
  const host = await (await cli.app()).host();
  const externalData = (flags.externalData ?? []).map((path) => localPath(path, cwd));
  const { signature } = await host.call("inspect-model", { path: modelPath, externalData });

  const named = flags.input ?? (await askInput(prompt, near));
  const table = flags.table ?? (await askTable(prompt, named, "input", cli));
  if (table !== undefined) for (const word of named) refuseTypedPassword(word);
  if (table !== undefined) refuseOptionsOfFiles(flags);
  const { plainFiles } = flags;
  const { input, source, data } = await seenInput(
    host,
    named,
    { ...flags, ...(table === undefined ? {} : { table }) },
    cli,
  );
  prompt?.say(`  ${data.summary}: ${data.schema.map(({ name }) => name).join(", ")}`);
  const key = flags.key ?? (await askKey(prompt, data));
  refuseUnknown(key, data);
  const inferred = await inferMapping(
    {
      ...{ model, input, signature, schema: data.schema, key },
      ...{ features: flags.features, acceptGuess: flags.acceptGuess === true },
    },
    prompt,
  );
  const plan = async (check: CheckSpec | null): Promise<Plan> => {
    const { runner } = await cli.app();
    const checked = check === null ? {} : { check };
    const job = { ...inferred.job, model: { path: modelPath, externalData }, ...checked };
    return (await (await runner()).plan({ job, guess: inferred.guess }, cli.stopGracefully())).plan;
  };
  const { mapping, columns, lines } = await nullChoices(
    inferred.mapping,
    data,
    async () => (await plan(null)).mapping,
  );
  const found = summarised(mapping.found);
  for (const line of [...found, ...mapping.warnings, ...lines]) prompt?.say(`  ${line}`);
  const { check: file, tolerance = usualTolerance } = flags;
  const check = await comparedOnce({ file, tolerance, cwd, plan }, prompt);

  const out = localPath(flags.out ?? (await askOut(prompt, model)), cwd);
  const name = specName(out);
  const to = flags.to ?? (await askTo(prompt, name));
  const toTable = flags.toTable ?? (await askTable(prompt, [to], "output", cli));
  if (toTable !== undefined) {
    refuseTypedPassword(to);
    const write = tableWrite(to, toTable, { key, overwrite: true }, cli);
    if (source !== null) refuseSameTable(source, write);
  } else refuseEnding(to);
  if (flags.force !== true) await refuseExisting(out, cwd, prompt);
  const fromSpec = (path: string): string => relative(dirname(out), path) || ".";
  const asInSpec = (database: string): string => withFilesFrom(dirname(out), database, cwd);
  save(
    out,
    jobYaml({
      name,
      model: fromSpec(modelPath),
      externalData: externalData.map(fromSpec),
      ...(table === undefined
        ? { from: named.map((path) => fromSpec(localPath(path, cwd))), plainFiles: plainFiles === true }
        : { from: named.map(asInSpec), table }),
      key,
      ...(toTable === undefined ? { to: fromSpec(localPath(to, cwd)) } : { to: asInSpec(to), toTable }),
      features: featuresYaml(mapping, columns),
      outputs: outputsYaml(mapping, signature),
      check: check === null ? null : { ...check, file: fromSpec(check.file) },
      found: [...found, ...lines],
      warnings: mapping.warnings,
      input: data.summary,
    }),
  );
  return out;
}

/** The input that is named, its rows if it is a table, and what its data look like. */
async function seenInput(
  host: WorkerHost,
  named: readonly string[],
  { table, plainFiles, key = [] }: Pick<InitFlags, "table" | "plainFiles" | "key">,
  cli: DatabasePlace,
): Promise<{ readonly input: InputSpec; readonly source: PostgresInput | null; readonly data: SeenData }> {
  if (table !== undefined) {
    const source = tableInput(named, table, key, cli);
    return { input: source, source, data: await lookAtTable(host, source) };
  }
  const input = filesInput(named, plainFiles === true ? { plainFiles } : {}, cli.cwd);
  return { input, source: null, data: await lookAtData(host, input) };
}

/** A database as a spec in another folder names it: a secret file's path is relative to the spec. */
function withFilesFrom(folder: string, database: string, cwd: string): string {
  return database.replace(/\$\{file:([^}]+)\}/g, (whole, path: string) =>
    isAbsolute(path) ? whole : `\${file:${relative(folder, resolve(cwd, path))}}`,
  );
}

function refuseLoneTolerance({ check, tolerance }: InitFlags): void {
  if (tolerance === undefined || check !== undefined) return;
  throw new SpecError("usage.lone-tolerance", "--tolerance means nothing without --check", {
    hint: "Add --check with a Parquet file of the training library's predictions, or leave it out.",
  });
}

function refuseUnknown(key: readonly string[], { schema }: SeenData): void {
  const problem = unknownColumn(key, schema);
  if (problem !== null)
    throw new SpecError("mapping.unknown-column", `--key: ${problem}`, {
      hint: "See the data's columns with nightshift inspect.",
    });
}

/** Names of jobs are narrower than names of files. */
function specName(out: string): string {
  const name = basename(out)
    .replace(/\.ya?ml$/i, "")
    .replace(/[^\w.-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "");
  return name === "" ? "job" : name.slice(0, 64);
}

function save(path: string, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  } catch (cause) {
    const { message } = asNightshiftError(cause);
    throw new InfraError("infra.permission", `${path} cannot be written: ${message}`, { cause });
  }
}

/** What was written is read, resolved and planned as `validate` does it. */
async function check(cli: Cli, path: string): Promise<number> {
  const { out, err, globals, program, cwd } = cli;
  const { job } = await jobFor(cli, path, {});
  // Planning runs hooks. A spec that was written from names in data and models has none, whatever they are.
  if (job.hooks.pre !== null || job.hooks.post !== null)
    throw new SpecError("init.unwritable-name", `${shownPath(path, cwd)} is not the job that was meant`, {
      hint: "Delete it; a name in the data or in the model is written like a part of a spec.",
    });
  const runner = await (await cli.app()).runner();
  const { plan } = await runner.plan({ job, guess: false }, cli.stopGracefully());
  const { mapping, totals } = plan;
  if (globals.json) {
    printJson(out, {
      ...{ path, job: job.name, totals, columns: mapping.columns, warnings: mapping.warnings },
      ...(plan.check === undefined ? {} : { check: { file: job.check?.file, ...plan.check } }),
    });
    return 0;
  }
  out.line(shownPath(path, cwd));
  for (const warning of mapping.warnings) err.line(err.paint.yellow(`warning: ${warning}`));
  if (globals.quiet) return 0;
  err.line(
    `${err.paint.green("valid")}  ${counted(totals.rows, "row")}, ${counted(mapping.columns.length, "column")} in the output`,
  );
  for (const [name, fact] of checkFacts(plan, cwd)) err.line(`${err.paint.green(name)}  ${fact}`);
  if (plan.check === undefined) err.line(err.paint.dim(howToCheck));
  err.line(`next   ${program} preview ${job.name}\n       ${program} run ${job.name}`);
  return 0;
}
