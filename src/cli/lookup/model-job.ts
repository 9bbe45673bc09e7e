import { basename } from "node:path";
import { type Command, Option } from "commander";
import { SpecError } from "../../errors.js";
import type { FeatureMapping, Guessing, Job, NullAnswers, Passthrough } from "../../job/job.js";
import { engineNames } from "../../job/profile.js";
import { localPath } from "../../service/paths.js";
import type { Cli } from "../shell/context.js";
import {
  byteSize,
  fraction,
  names,
  nullAnswers,
  repeated,
  threadCount,
  wholeNumber,
} from "../shell/options.js";
import { filesInput, filesWrite, type InputFlags, type Places } from "./places.js";

/** Options of commands that take a model and files instead of a job spec. */
export interface ModelJobFlags extends InputFlags {
  readonly features?: readonly string[];
  readonly nulls?: NullAnswers;
  readonly acceptGuess?: true;
  readonly keep?: string;
  readonly externalData?: readonly string[];
  readonly engine?: Job["engine"];
  readonly provider?: readonly string[];
  readonly rows?: "independent" | "dependent";
  readonly batchRows?: number;
  readonly threads?: number | "auto";
  readonly memory?: number;
  readonly onRowError?: "fail" | "quarantine" | "emit_null";
  readonly maxErrorRows?: number;
  readonly maxErrorFraction?: number;
}

export function declareMapping(command: Command): Command {
  return command
    .optionsGroup("Columns:")
    .option("--features <a,b>", "columns that feed the model, in its order (default: found by name)", names)
    .option("--accept-guess", "feed an unnamed input by the columns that score would guess; shown first")
    .option(
      "--key <a,b>",
      "columns that identify a row; never features (default: file and row number)",
      names,
    )
    .option(
      "--keep <which>",
      "columns kept beside the predictions: all, none, a,b or key (default: all but features; a job with a key keeps the key alone)",
    )
    .option(
      "--plain-files",
      "read files of a Delta, Hudi or Iceberg table as they are: they are known to be live",
    )
    .addOption(
      new Option(
        "--missing-columns <what>",
        "what a column is in files that lack it, where others have it (default: fail)",
      ).choices(["fail", "nulls"]),
    )
    .option(
      "--nulls <rule>",
      "what a null of a feature becomes: nan, error, reject or a value; column=rule for one; repeatable",
      nullAnswers,
    )
    .optionsGroup("Model:")
    .option("--provider <a,b>", "execution providers in order of preference (default: cpu)", names)
    .addOption(
      new Option("--engine <name>", "what runs the model (default: auto, the fastest that can)").choices([
        "auto",
        ...engineNames,
      ]),
    )
    .addOption(
      new Option(
        "--rows <which>",
        "dependent: score a model whose rows change one another, in batches of --batch-rows (default: independent)",
      ).choices(["independent", "dependent"]),
    )
    .option("--batch-rows <n>", "rows of one model call (default: 1024)", wholeNumber(1))
    .option("--external-data <file>", "a file that the model keeps tensors in; may be repeated", repeated);
}

export function declareRowPolicy(command: Command): Command {
  return command
    .optionsGroup("Rows that fail:")
    .addOption(
      new Option("--on-row-error <what>", "what one bad row does (default: fail)").choices([
        "fail",
        "quarantine",
        "emit_null",
      ]),
    )
    .option("--max-error-rows <n>", "fail when more rows than this go wrong", wholeNumber(0))
    .option("--max-error-fraction <f>", "fail when more than this part of the rows goes wrong", fraction);
}

export function declareResources(command: Command): Command {
  return command
    .optionsGroup("Machine:")
    .option("--threads <n>", "worker threads (default: auto, one a core as memory allows)", threadCount)
    .option("--memory <size>", "decoded bytes that all threads may hold, such as 2GiB", byteSize);
}

/** Whether the features of a model may be guessed, as its command line says. */
export function guessing({ acceptGuess }: Pick<ModelJobFlags, "acceptGuess">): Guessing {
  return acceptGuess === true ? true : "offer";
}

/** A job that reads and writes files. */
export function modelJob(
  model: string,
  inputs: readonly string[],
  output: { readonly to: string; readonly overwrite: boolean },
  flags: ModelJobFlags,
  cwd: string,
): Job {
  const places = { input: filesInput(inputs, flags, cwd), write: filesWrite(output, cwd) };
  return jobBetween(model, places, flags, cwd);
}

/** A job from a command line: no spec, paths relative to `cwd`, features found by their names. */
export function jobBetween(model: string, { input, write }: Places, flags: ModelJobFlags, cwd: string): Job {
  if (flags.rows === "dependent" && flags.batchRows === undefined)
    throw new SpecError("usage.batch-rows-missing", "--rows dependent needs the size of a batch", {
      hint: "Add --batch-rows <n>: predictions depend on it.",
    });
  return {
    name: jobName(model),
    model: {
      path: localPath(model, cwd),
      externalData: (flags.externalData ?? []).map((path) => localPath(path, cwd)),
    },
    input,
    features: featuresOf(flags),
    outputs: {},
    passthrough: passthrough(flags.keep, flags.key ?? []),
    hooks: { pre: null, post: null },
    write,
    interval: null,
    limits: {
      threads: flags.threads ?? "auto",
      partitionRows: "auto",
      ...(flags.batchRows === undefined ? {} : { batchRows: flags.batchRows }),
      maxAttempts: 3,
      partitionTimeoutMs: 30 * 60_000,
      memoryBytes: flags.memory ?? "auto",
    },
    rowPolicy: {
      onRowError: flags.onRowError ?? "fail",
      maxErrorRows: flags.maxErrorRows ?? null,
      maxErrorFraction: flags.maxErrorFraction ?? null,
    },
    ...(flags.rows === "dependent" ? { rows: flags.rows } : {}),
    engine: flags.engine ?? "auto",
    providers: flags.provider ?? ["cpu"],
  };
}

function featuresOf({ features, nulls }: ModelJobFlags): FeatureMapping | null {
  if (features === undefined && nulls === undefined) return null;
  return {
    ...(features === undefined ? {} : { list: features }),
    ...(nulls === undefined ? {} : { nulls }),
  };
}

/** `--target` chooses among a project's targets; a model has none. @throws SpecError `usage.target-of-a-model` */
export function refuseTarget({ target }: Pick<Cli, "target">): void {
  if (target === null) return;
  throw new SpecError("usage.target-of-a-model", `--target ${target} belongs to jobs, and this is a model`, {
    hint: "Leave it out, or write a job and run that.",
  });
}

/** A model's file name as a job name: `Flight Delay.v2.onnx` -> `flight-delay-v2`. */
export function jobName(model: string): string {
  const name = basename(model)
    .replace(/\.onnx$/i, "")
    .toLowerCase()
    .replace(/[^a-z0-9_]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return name === "" ? "model" : name;
}

function passthrough(keep: string | undefined, key: readonly string[]): Passthrough {
  switch (keep) {
    case undefined:
      return { kind: "rest" };
    case "all":
    case "none":
      return { kind: keep };
    case "key":
      if (key.length > 0) return { kind: "columns", columns: key };
      throw new SpecError(
        "usage.keep-without-key",
        "--keep key keeps the key's columns, and no key was given",
        {
          hint: "Name them with --key a,b.",
        },
      );
    default:
      return { kind: "columns", columns: names(keep) };
  }
}
