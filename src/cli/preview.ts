// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is how databases are named

import type { Command } from "commander";
import { exitCodes, SpecError } from "../errors.js";
import type { Compared, HostCalls, Preview } from "../host/host.js";
import { usualTolerance } from "../job/job.js";
import { type JobMoment, type JobPlace, jobFor } from "../service/jobs.js";
import { localPath, shownPath } from "../service/paths.js";
import { preview } from "../service/plan.js";
import { count, counted } from "../text/human.js";
import { summarised } from "../text/summarised.js";
import {
  declareMapping,
  guessing,
  jobBetween,
  type ModelJobFlags,
  refuseTarget,
} from "./lookup/model-job.js";
import { placesOf } from "./lookup/places.js";
import { comparedTable } from "./output/compared.js";
import { renderRows } from "./output/rows.js";
import { declareInterval, declareNoHooks } from "./running/run-options.js";
import { type Cli, printJson } from "./shell/context.js";
import { fraction, wholeNumber } from "./shell/options.js";

export interface PreviewFlags extends ModelJobFlags, JobMoment {
  readonly limit: number;
  readonly expect?: string;
  readonly tolerance?: number;
  readonly table?: string;
}

export function declare(command: Command): void {
  command
    .option("--limit <n>", "rows to score", wholeNumber(1), 10)
    .option("--table <name>", "read this table of the database that is named as input: '${DATABASE_URL}'")
    .option(
      "--expect <file.parquet>",
      "compare all rows with the training library's predictions, by --key or row by row; exit 1 if they differ",
    )
    .option(
      "--tolerance <x>",
      "what a number may differ by, times max(1, |expected|) (default: 1e-5)",
      fraction,
    );
  declareMapping(command);
  declareNoHooks(declareInterval(command.optionsGroup("Of a job:")));
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const flags = command.opts<PreviewFlags>();
  const request = await parsePreview(command.args, flags, cli);
  const shown = await preview(await cli.app(), request);
  if (shown.compared !== undefined) return showCompared(cli, shown, shown.compared);
  show(cli, shown);
  return 0;
}

/** What `preview <model> <input..>` or `preview <job>` asks of the worker host. */
export async function parsePreview(
  [subject = "", ...inputs]: readonly string[],
  flags: PreviewFlags,
  place: JobPlace,
): Promise<HostCalls["preview"]["request"]> {
  const { limit } = flags;
  refuseLoneTolerance(flags);
  if (!subject.toLowerCase().endsWith(".onnx")) {
    if (inputs.length > 0)
      throw new SpecError("usage.input-with-job", `\`${subject}\` is a job, which names its input itself`, {
        hint: "Give a model (x.onnx) before the input, or the job alone.",
      });
    refuseModelOptions(subject, flags);
    const { job } = await jobFor(place, subject, flags);
    return { job, guess: false, limit, ...expecting(flags, "input", place.cwd) };
  }
  if (inputs.length === 0 && flags.expect === undefined)
    throw new SpecError("usage.missing-argument", `which data should ${subject} be tried on?`, {
      hint: `Name files, globs or directories: nightshift preview ${subject} data.parquet`,
    });
  refuseTarget(place);
  if (flags.at !== undefined || flags.var !== undefined)
    throw new SpecError("usage.interval-of-a-model", "--at and --var belong to jobs, and this is a model", {
      hint: "Name the data itself, or preview a job.",
    });
  // Nothing is written, but a job has to say where it would be.
  const { expect, table } = flags;
  const named = {
    ...{ to: "predictions", overwrite: false },
    ...(table === undefined ? {} : { table }),
  };
  if (expect === undefined || inputs.length > 0) {
    const places = placesOf({ ...named, inputs }, flags, place);
    const job = jobBetween(subject, places, flags, place.cwd);
    return { job, guess: guessing(flags), limit, ...expecting(flags, "input", place.cwd) };
  }
  // The file has the rows as well. What is predicted must not be kept of them.
  const places = placesOf({ ...named, inputs: [expect] }, flags, place);
  const job = jobBetween(subject, places, { keep: "none", ...flags }, place.cwd);
  return { job, guess: guessing(flags), limit, ...expecting(flags, "own", place.cwd) };
}

function expecting(
  { expect, tolerance = usualTolerance }: PreviewFlags,
  rows: "own" | "input",
  cwd: string,
): Pick<HostCalls["preview"]["request"], "expect"> {
  return expect === undefined ? {} : { expect: { file: localPath(expect, cwd), tolerance, rows } };
}

function refuseLoneTolerance({ expect, tolerance }: PreviewFlags): void {
  if (tolerance === undefined || expect !== undefined) return;
  throw new SpecError("usage.lone-tolerance", "--tolerance means nothing without --expect", {
    hint: "Add --expect with a Parquet file of the training library's predictions, or leave it out.",
  });
}

const modelOptions = [
  "table",
  "features",
  "nulls",
  "acceptGuess",
  "key",
  "keep",
  "engine",
  "provider",
  "rows",
  "batchRows",
  "externalData",
] as const;

function refuseModelOptions(job: string, flags: PreviewFlags): void {
  const given = modelOptions.find((option) => flags[option] !== undefined);
  if (given === undefined) return;
  const option = `--${given.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  throw new SpecError(
    "usage.model-option-of-a-job",
    `${option} belongs to models, and \`${job}\` is a job, which says that itself`,
    { hint: "Change the job, or preview its model: nightshift preview model.onnx data.parquet" },
  );
}

/** @returns the exit code: 0 where all are the same */
function showCompared({ out, err, globals, cwd }: Cli, preview: Preview, compared: Compared): number {
  const { columns, absent, failed } = compared;
  const isSame = absent === 0 && columns.every(({ different }) => different === 0);
  const { found, warnings } = preview.mapping;
  if (globals.json) {
    printJson(out, { ...compared, same: isSame, found, warnings: [...warnings, ...preview.notes] });
    return isSame ? exitCodes.ok : exitCodes.failed;
  }
  for (const line of globals.quiet ? [] : found) err.line(err.paint.dim(line));
  for (const line of [...warnings, ...preview.notes]) err.line(err.paint.yellow(`warning: ${line}`));
  out.line(comparedTable(columns, out));
  const notes = [
    ...(absent === 0
      ? []
      : [`${counted(absent, "expected row")} of ${count(compared.rows)}: no such row in the input`]),
    ...Object.entries(failed).map(
      ([reason, times]) => `${counted(times, "row")} could not be scored: ${reason}`,
    ),
  ];
  for (const note of notes) out.line(out.paint.yellow(note));
  const verdict = isSame ? out.paint.green("the same") : out.paint.red("not the same");
  out.line(`${verdict}: ${comparedWith(compared, cwd)}`);
  return isSame ? exitCodes.ok : exitCodes.failed;
}

/** What was compared with what. Predictions that the file has no row for may be right or wrong. */
function comparedWith({ file, rows, key, scored, compared }: Compared, cwd: string): string {
  const by = key.length === 0 ? "" : ` by ${key.join(", ")}`;
  if (compared === scored) return `predictions and ${shownPath(file, cwd)}, ${counted(rows, "row")}${by}`;
  const left = `${count(scored - compared)} were compared with nothing`;
  return `${count(compared)} of ${count(scored)} predictions and ${shownPath(file, cwd)}${by}; ${left}`;
}

function show({ out, err, globals }: Cli, preview: Preview): void {
  if (globals.json) {
    const { found, warnings } = preview.mapping;
    printJson(out, {
      ...{ columns: preview.columns, rows: preview.rows, found },
      warnings: [...warnings, ...preview.notes],
    });
    return;
  }
  const found = globals.verbose ? preview.mapping.found : summarised(preview.mapping.found);
  for (const line of globals.quiet ? [] : found) err.line(err.paint.dim(line));
  for (const line of [...preview.mapping.warnings, ...preview.notes])
    err.line(err.paint.yellow(`warning: ${line}`));
  out.line(renderRows(preview.columns, preview.rows, out));
}
