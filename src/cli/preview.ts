import type { Command } from "commander";
import { asNightshiftError, SpecError } from "../errors.js";
import type { HostCalls, Preview } from "../host.js";
import { neverReturned } from "../planning/never-returned.js";
import { type JobPlace, jobFor } from "./lookup/jobs.js";
import { declareMapping, guessing, type ModelJobFlags, modelJob, refuseTarget } from "./lookup/model-job.js";
import { renderRows } from "./output/rows.js";
import { declareInterval, declareNoHooks, type IntervalFlags } from "./running/run-options.js";
import { type Cli, printJson } from "./shell/context.js";
import { wholeNumber } from "./shell/options.js";

export interface PreviewFlags extends ModelJobFlags, IntervalFlags {
  readonly limit: number;
}

export function declare(command: Command): void {
  command.option("--limit <n>", "rows to score", wholeNumber(1), 10);
  declareMapping(command);
  declareNoHooks(declareInterval(command.optionsGroup("Of a job:")));
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const flags = command.opts<PreviewFlags>();
  const request = await parsePreview(command.args, flags, cli);
  const host = await (await cli.app()).host();
  const deadlineMs = request.job.limits.partitionTimeoutMs;
  const preview = await host.call("preview", request, { deadlineMs }).catch((thrown) => {
    throw asNightshiftError(thrown).code === "infra.host-deadline"
      ? neverReturned("The preview", request.job, thrown)
      : thrown;
  });
  show(cli, preview);
  return 0;
}

/** What `preview <model> <input..>` or `preview <job>` asks of the worker host. */
export async function parsePreview(
  [subject = "", ...inputs]: readonly string[],
  flags: PreviewFlags,
  place: JobPlace,
): Promise<HostCalls["preview"]["request"]> {
  const { limit } = flags;
  if (!subject.toLowerCase().endsWith(".onnx")) {
    if (inputs.length > 0)
      throw new SpecError("usage.input-with-job", `\`${subject}\` is a job, which names its input itself`, {
        hint: "Give a model (x.onnx) before the input, or the job alone.",
      });
    refuseModelOptions(subject, flags);
    const { job } = await jobFor(place, subject, flags);
    return { job, guess: false, limit };
  }
  if (inputs.length === 0)
    throw new SpecError("usage.missing-argument", `which data should ${subject} be tried on?`, {
      hint: `Name files, globs or directories: nightshift preview ${subject} data.parquet`,
    });
  refuseTarget(place);
  if (flags.at !== undefined || flags.var !== undefined)
    throw new SpecError("usage.interval-of-a-model", "--at and --var belong to jobs, and this is a model", {
      hint: "Name the data itself, or preview a job.",
    });
  // Nothing is written, but a job has to say where it would be.
  const output = { to: "predictions", overwrite: false };
  return { job: modelJob(subject, inputs, output, flags, place.cwd), guess: guessing(flags), limit };
}

const modelOptions = [
  "features",
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

function show({ out, err, globals }: Cli, preview: Preview): void {
  if (globals.json) {
    const { found, warnings } = preview.mapping;
    printJson(out, {
      ...{ columns: preview.columns, rows: preview.rows, found },
      warnings: [...warnings, ...preview.notes],
    });
    return;
  }
  for (const line of globals.quiet ? [] : preview.mapping.found) err.line(err.paint.dim(line));
  for (const line of [...preview.mapping.warnings, ...preview.notes])
    err.line(err.paint.yellow(`warning: ${line}`));
  out.line(renderRows(preview.columns, preview.rows, out));
}
