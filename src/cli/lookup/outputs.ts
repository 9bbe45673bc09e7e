import { lstatSync } from "node:fs";
import type { WriteSpec } from "../../job/job.js";
import type { Cli } from "../shell/context.js";
import { jobIfAny } from "./jobs.js";
import { localPath } from "./local-path.js";

/** The output that people mean: a job's, by name or spec file, or the one at a path. */
export async function outputFor(cli: Cli, given: string): Promise<WriteSpec> {
  const looksLikePath = given.includes("/") || given.endsWith(".parquet");
  const isSpec = /\.ya?ml$/i.test(given);
  if (isSpec || !looksLikePath) {
    const job = await jobIfAny(cli, given, { required: isSpec || !exists(localPath(given, cli.cwd)) });
    if (job !== null) return job.write;
  }
  return outputAt(localPath(given, cli.cwd));
}

/** Enough of a write spec to ask the sink about what is already there. */
function outputAt(path: string): WriteSpec {
  const shape = path.endsWith(".parquet") ? "file" : "directory";
  return { kind: "files", to: path, shape, mode: "replace", partitionBy: [], add: {} };
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
