/** Formats a job as `init` writes it: all relevant keys, with alternatives in comments. */
import { isDeepStrictEqual } from "node:util";
import { parse } from "yaml";
import { SpecError } from "../../errors.js";
import { type CheckSpec, usualTolerance } from "../../job/job.js";
import { flowYaml, literalValue, yamlComment } from "./flow-yaml.js";
import type { MappingBlock } from "./mapping-yaml.js";

export interface NewJob {
  readonly name: string;
  /** Relative to the spec. */
  readonly model: string;
  readonly externalData: readonly string[];
  /**
   * Relative to the spec. With `table`, the URL of a database as a spec contains it: its references are
   * expanded when it is read.
   */
  readonly from: readonly string[];
  readonly table?: string;
  /** Files of a table format are read as plain files. */
  readonly plainFiles?: boolean;
  readonly key: readonly string[];
  /** Relative to the spec. With `toTable`, the URL of a database, as in `from`. */
  readonly to: string;
  readonly toTable?: string;
  readonly features: MappingBlock;
  readonly outputs: MappingBlock;
  /** Its file, relative to the spec; `null`: the spec describes how to create one. */
  readonly check: CheckSpec | null;
  /** How the features were found, one line each. */
  readonly found: readonly string[];
  readonly warnings: readonly string[];
  /** A short description of the input. */
  readonly input: string;
}

/**
 * Returns the text of the spec. Names in data and models cannot add keys to it: the text is parsed again and
 * compared.
 * @throws SpecError `init.unwritable-name` if a YAML reader would read a different job
 */
export function jobYaml(job: NewJob): string {
  const text = textOf(job);
  if (!isDeepStrictEqual(parsed(text), intended(job)))
    throw new SpecError(
      "init.unwritable-name",
      "a name in the data or in the model cannot be written into a spec so that it is read as it was meant",
      { hint: "Rename the column or the model's input: see nightshift inspect." },
    );
  return text;
}

/** `undefined` never equals a job. */
function parsed(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

/** Returns what a reader of the spec must find: exactly these keys, and in particular no hook. */
function intended(job: NewJob): unknown {
  const { features, outputs, key } = job;
  return {
    version: 1,
    name: job.name,
    model: modelOf(job),
    input: {
      from: fromOf(job),
      ...(job.table === undefined ? {} : { table: literalValue(job.table) }),
      ...(job.plainFiles === true ? { plain_files: true } : {}),
      ...(key.length === 0 ? {} : { key: literalValue(key) }),
      on_empty: "fail",
    },
    features: features.value,
    outputs: outputs.value,
    ...(job.check === null ? {} : { check: checkOf(job.check) }),
    passthrough: passthroughOf(job),
    write:
      job.toTable === undefined
        ? { to: toOf(job), mode: "replace" }
        : { to: toOf(job), table: literalValue(job.toTable), mode: modeOf(job), create: true },
    limits: { on_row_error: "fail" },
  };
}

function modelOf({ model, externalData }: NewJob): unknown {
  return literalValue(externalData.length === 0 ? model : { path: model, external_data: externalData });
}

function fromOf({ from, table }: NewJob): unknown {
  const value = from.length === 1 ? from[0] : from;
  return table === undefined ? literalValue(value) : value;
}

function toOf({ to, toTable }: NewJob): unknown {
  return toTable === undefined ? literalValue(to) : to;
}

function checkOf({ file, tolerance }: CheckSpec): unknown {
  return literalValue(tolerance === usualTolerance ? file : { file, tolerance });
}

/** A comparison for each run; without a file, an explanation of its purpose. */
function checkText({ name, check }: NewJob): string {
  const rows = "rows with the training library's own predictions, which each run must reproduce";
  if (check !== null) return `# The ${rows}.\ncheck: ${flowYaml(checkOf(check))}`;
  const file = flowYaml(literalValue(`${name}.check.parquet`));
  return `# A wrong export is noticed by ${rows}.
# docs/export.md, "Check every run", has the lines of Python that make the file.
${yamlComment(`check: ${file}`)}`;
}

/** With a key, rows are replaced by key: the other rows of a table stay. */
function modeOf({ key, toTable }: NewJob): "replace" | "upsert" {
  return toTable !== undefined && key.length > 0 ? "upsert" : "replace";
}

function writeText(job: NewJob): string {
  const { toTable } = job;
  const mode = modeOf(job);
  if (toTable === undefined)
    return `  to: ${flowYaml(toOf(job))}
  mode: replace # each run replaces the one before; or append (an interval once), or error (must not exist)`;
  return `  to: ${flowYaml(toOf(job))}
  table: ${flowYaml(literalValue(toTable))}
  mode: ${mode} # ${
    mode === "upsert"
      ? "rows are replaced by key; or replace (all rows of the table), append, error (must be empty)"
      : "each run replaces all rows of the table; or append, upsert (by key), error (must be empty)"
  }
  create: true # make the table where it is missing`;
}

function passthroughOf({ key }: NewJob): string {
  return key.length > 0 ? "none" : "rest";
}

function textOf(job: NewJob): string {
  const { name, key } = job;
  const comment = (lines: readonly string[]): string =>
    lines.map((line) => `${yamlComment(line)}\n`).join("");
  return `# Check it with \`nightshift validate ${name}\`, see its first predictions with \`nightshift preview ${name}\`,
# run it with \`nightshift run ${name}\`. Paths are relative to this file.
version: 1
name: ${flowYaml(name)}

# Pinned by its SHA-256 when a run is planned: replacing the file changes the next run only.
model: ${flowYaml(modelOf(job))}

input:
  from: ${flowYaml(fromOf(job))} ${yamlComment(job.input)}
${job.table === undefined ? "" : `  table: ${flowYaml(literalValue(job.table))}\n`}${
  job.plainFiles === true
    ? "  plain_files: true # files of a table format are read as they are: they are known to be live\n"
    : ""
}${
  key.length > 0
    ? `  key: ${flowYaml(literalValue(key))} # identifies a row, and is always kept`
    : "  # key: [id] # columns that identify a row; without them it is its file and row number"
}
  on_empty: fail # or skip, or publish an empty output

# Which columns feed which input of the model.
${comment([...job.found, ...job.warnings.map((warning) => `Check this: ${warning}`)])}${job.features.text}

# Which columns the outputs become: \`column\` for one, \`columns\` by class label.
${job.outputs.text}

${checkText(job)}

# What is kept of the input beside the key: a list of columns, rest (all that are no features), all or none.
passthrough: ${passthroughOf(job)}

write:
${writeText(job)}

limits:
  on_row_error: fail # the first row that cannot be scored; or quarantine, or emit_null
`;
}
