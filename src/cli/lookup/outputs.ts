import { lstatSync } from "node:fs";
import type { WriteSpec } from "../../job/output.js";
import { filesAt } from "../../sinks/files/files-sink-adapter.js";
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
  // Enough to ask the sink about what is already there.
  return filesAt(localPath(given, cli.cwd), { mode: "replace" });
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
