import { lstatSync } from "node:fs";
import type { WriteSpec } from "../job/output.js";
import { filesAt } from "../sinks/files/files-sink-adapter.js";
import type { ServiceContext } from "./context.js";
import { jobIfAny } from "./jobs.js";
import { localPath } from "./paths.js";

/** Returns the output that a user names: a job's, by name or spec file, or the one at a path. */
export async function outputFor(context: ServiceContext, given: string): Promise<WriteSpec> {
  const looksLikePath = given.includes("/") || given.endsWith(".parquet");
  const isSpec = /\.ya?ml$/i.test(given);
  if (isSpec || !looksLikePath) {
    const job = await jobIfAny(context, given, {
      required: isSpec || !exists(localPath(given, context.cwd)),
    });
    if (job !== null) return job.write;
  }
  // Sufficient to ask the sink about existing data.
  return filesAt(localPath(given, context.cwd), { mode: "replace" });
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
