import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, relative } from "node:path";
import type { Command } from "commander";
import { asNightshiftError, InfraError, SpecError } from "../errors.js";
import { jobYaml } from "../spec/write/job-yaml.js";
import { featuresYaml, outputsYaml } from "../spec/write/mapping-yaml.js";
import { counted } from "../text/human.js";
import { type FoundFiles, findFiles } from "./init/found-files.js";
import { inferMapping } from "./init/infer-mapping.js";
import { openPrompt, type Prompt } from "./init/prompt.js";
import { lookAtData, type SeenData } from "./init/seen-data.js";
import { jobFor } from "./lookup/jobs.js";
import { jobName, localPath } from "./lookup/model-job.js";
import { shownPath } from "./output/paths.js";
import { type Cli, printJson } from "./shell/context.js";
import { names, repeated } from "./shell/options.js";

export interface InitFlags {
  readonly from?: string;
  readonly input?: readonly string[];
  readonly out?: string;
  readonly to?: string;
  readonly key?: readonly string[];
  readonly features?: readonly string[];
  readonly externalData?: readonly string[];
  readonly acceptGuess?: true;
  readonly force?: true;
}

export function declare(command: Command): void {
  command
    .option("--from <model.onnx>", "the model; asked for on a terminal, as everything that is missing")
    .option("--input <path>", "Parquet file, glob or directory; may be repeated", repeated)
    .option("--out <job.yaml>", "where the job is written (default: jobs/<model>.yaml)")
    .option("--to <dir>", "where its predictions go (default: out/<job>)")
    .option("--key <a,b>", "columns that identify a row (default: file and row number)", names)
    .option("--features <a,b>", "columns that feed the model, in its order (default: found by name)", names)
    .option("--accept-guess", "feed an unnamed input by the columns that init would guess; shown first")
    .option("--external-data <file>", "a file that the model keeps tensors in; may be repeated", repeated)
    .option("--force", "replace a job that is there already");
  command.addHelpText(
    "after",
    `
Examples:
  nightshift init
  nightshift init --from model.onnx --input 'data/*.parquet' --key id --out jobs/churn.yaml`,
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

/** Questions need somebody who reads them and can answer. */
function promptFor({ err, globals }: Cli): Prompt | null {
  if (globals.json || globals.quiet || !err.isTerminal || process.stdin.isTTY !== true) return null;
  return openPrompt({ input: process.stdin, output: process.stderr, terminal: true, paint: err.paint });
}

/** Asks, or takes what was given; then writes the job. @returns its absolute path */
export async function writeJob(
  flags: InitFlags,
  cli: Pick<Cli, "cwd" | "app">,
  prompt: Prompt | null,
): Promise<string> {
  const { cwd } = cli;
  const near = prompt === null ? { models: [], data: [] } : findFiles(cwd);
  const model = flags.from ?? (await askModel(prompt, near, cwd));
  const modelPath = localPath(model, cwd);
  const host = await (await cli.app()).host();
  const externalData = (flags.externalData ?? []).map((path) => localPath(path, cwd));
  const { signature } = await host.call("inspect-model", { path: modelPath, externalData });

  const from = (flags.input ?? (await askInput(prompt, near))).map((path) => localPath(path, cwd));
  const data = await lookAtData(host, from);
  prompt?.say(`  ${data.summary}: ${data.schema.map(({ name }) => name).join(", ")}`);
  const key = flags.key ?? (await askKey(prompt, data));
  refuseUnknown(key, data);
  const mapping = await inferMapping(
    {
      ...{ model, from, signature, schema: data.schema, key },
      ...{ features: flags.features, acceptGuess: flags.acceptGuess === true },
    },
    prompt,
  );
  for (const line of [...mapping.found, ...mapping.warnings]) prompt?.say(`  ${line}`);

  const out = localPath(flags.out ?? (await askOut(prompt, model)), cwd);
  const name = specName(out);
  const to = localPath(flags.to ?? (await askTo(prompt, name)), cwd);
  if (flags.force !== true) await refuseExisting(out, cwd, prompt);
  const fromSpec = (path: string): string => relative(dirname(out), path) || ".";
  save(
    out,
    jobYaml({
      name,
      model: fromSpec(modelPath),
      externalData: externalData.map(fromSpec),
      from: from.map(fromSpec),
      key,
      to: fromSpec(to),
      features: featuresYaml(mapping),
      outputs: outputsYaml(mapping, signature),
      found: mapping.found,
      warnings: mapping.warnings,
      input: data.summary,
    }),
  );
  return out;
}

async function askModel(prompt: Prompt | null, { models }: FoundFiles, cwd: string): Promise<string> {
  if (prompt === null) throw missing("which model is the job for?", "--from model.onnx");
  return prompt.ask({
    text: "Model?",
    offered: models[0] ?? null,
    candidates: models,
    refuse: (path) => (existsSync(localPath(path, cwd)) ? null : `there is no file ${path}`),
  });
}

async function askInput(prompt: Prompt | null, { data }: FoundFiles): Promise<readonly string[]> {
  if (prompt === null) throw missing("which data should the job score?", "--input 'data/*.parquet'");
  const answer = await prompt.ask({
    text: "Data to score? Files, globs or directories",
    offered: data[0] ?? null,
    candidates: data,
  });
  return names(answer);
}

async function askKey(prompt: Prompt | null, { schema, likelyKey }: SeenData): Promise<readonly string[]> {
  if (prompt === null) return [];
  const columns = schema.map(({ name }) => name);
  const answer = await prompt.ask({
    text: "Columns that identify a row? none: its file and row number",
    offered: likelyKey ?? "none",
    candidates: columns,
    refuse: (given) =>
      unknownColumn(given === "none" ? [] : given.split(",").map((name) => name.trim()), schema),
  });
  return answer === "none" ? [] : names(answer);
}

async function askOut(prompt: Prompt | null, model: string): Promise<string> {
  const offered = `jobs/${jobName(model)}.yaml`;
  return prompt === null ? offered : prompt.ask({ text: "Write the job to?", offered });
}

async function askTo(prompt: Prompt | null, name: string): Promise<string> {
  const offered = `out/${name}`;
  return prompt === null ? offered : prompt.ask({ text: "Its predictions go to?", offered });
}

async function refuseExisting(out: string, cwd: string, prompt: Prompt | null): Promise<void> {
  if (!existsSync(out)) return;
  const shown = shownPath(out, cwd);
  if (prompt !== null) {
    const answer = await prompt.ask({
      text: `${shown} is there already. Replace it? yes or no`,
      offered: "no",
    });
    if (/^y(es)?$/i.test(answer)) return;
  }
  throw new SpecError("refused.target-exists", `${shown} is there already`, {
    hint: "Name another file with --out, or replace it with --force.",
  });
}

function missing(question: string, option: string): SpecError {
  return new SpecError("usage.missing-option", question, {
    hint: `Say it with ${option}; on a terminal, init asks.`,
  });
}

function refuseUnknown(key: readonly string[], { schema }: SeenData): void {
  const problem = unknownColumn(key, schema);
  if (problem !== null)
    throw new SpecError("mapping.unknown-column", `--key: ${problem}`, {
      hint: "See the data's columns with nightshift inspect.",
    });
}

function unknownColumn(columns: readonly string[], schema: SeenData["schema"]): string | null {
  const unknown = columns.find((name) => !schema.some((column) => column.name === name));
  return unknown === undefined ? null : `the data has no column "${unknown}"`;
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
  const { plan } = await runner.plan({ job, guess: false }, cli.gently());
  const { mapping, totals } = plan;
  if (globals.json) {
    printJson(out, { path, job: job.name, totals, columns: mapping.columns, warnings: mapping.warnings });
    return 0;
  }
  out.line(shownPath(path, cwd));
  if (globals.quiet) return 0;
  err.line(
    `${err.paint.green("valid")}  ${counted(totals.rows, "row")}, ${counted(mapping.columns.length, "column")} in the output`,
  );
  err.line(`next   ${program} preview ${job.name}\n       ${program} run ${job.name}`);
  return 0;
}
