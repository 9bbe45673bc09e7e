/** A job as `init` writes it: everything that matters is there, with what else it could be beside it. */
import { flowYaml } from "./flow-yaml.js";

export interface NewJob {
  readonly name: string;
  /** Relative to the spec. */
  readonly model: string;
  readonly externalData: readonly string[];
  /** Relative to the spec. */
  readonly from: readonly string[];
  readonly key: readonly string[];
  /** Relative to the spec. */
  readonly to: string;
  /** The blocks of the mapping. */
  readonly features: string;
  readonly outputs: string;
  /** How the features were found, a line each. */
  readonly found: readonly string[];
  readonly warnings: readonly string[];
  /** What was seen of the input, in a few words. */
  readonly input: string;
}

export function jobYaml(job: NewJob): string {
  const { name, key } = job;
  const comment = (lines: readonly string[]): string => lines.map((line) => `# ${line}\n`).join("");
  const model =
    job.externalData.length === 0 ? job.model : { path: job.model, external_data: job.externalData };
  return `# Check it with \`nightshift validate ${name}\`, see its first predictions with \`nightshift preview ${name}\`,
# run it with \`nightshift run ${name}\`. Paths are relative to this file.
version: 1
name: ${flowYaml(name)}

# Pinned by its SHA-256 when a run is planned: replacing the file changes the next run only.
model: ${flowYaml(model)}

input:
  from: ${flowYaml(job.from.length === 1 ? job.from[0] : job.from)} # ${job.input}
${
  key.length > 0
    ? `  key: ${flowYaml(key)} # identifies a row, and is always kept`
    : "  # key: [id] # columns that identify a row; without them it is its file and row number"
}
  on_empty: fail # or skip, or publish an empty output

# Which columns feed which input of the model.
${comment([...job.found, ...job.warnings.map((warning) => `Look twice: ${warning}`)])}${job.features}

# Which columns the outputs become: \`column\` for one, \`columns\` by class label.
${job.outputs}

# What is kept of the input beside the key: a list of columns, rest (all that are no features), all or none.
passthrough: ${key.length > 0 ? "none" : "rest"}

write:
  to: ${flowYaml(job.to)}
  mode: replace # each run replaces the one before; or append (an interval once), or error (must not exist)

limits:
  on_row_error: fail # the first row that cannot be scored; or quarantine, or emit_null
`;
}
