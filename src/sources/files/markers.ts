/** Markers: files such as `_SUCCESS` that mark the input beside them as complete. */
import { dirname, join, sep } from "node:path";
import { SpecError } from "../../errors.js";
import type { Store } from "../../stores/store.js";

export interface MarkedInput {
  readonly from: readonly string[];
  readonly store: Store;
  readonly marker?: string | null;
}

/** @throws SpecError `source.not-ready` if a directory of the input has no marker */
export async function requireMarkers({ from, store, marker = null }: MarkedInput): Promise<void> {
  if (marker === null) return;
  for (const pattern of from) {
    const directory = await directoryOf(pattern, store);
    if ((await store.stat(join(directory, marker))) !== null) continue;
    throw new SpecError(
      "source.not-ready",
      `there is no ${marker} in ${directory}: its files are not complete`,
      {
        hint: `The job that writes the input must write ${marker} last; if it writes none, remove input.wait_for.marker.`,
        details: { pattern, marker: join(directory, marker) },
      },
    );
  }
}

/** Returns the directory before the first step with a pattern; for a single file, its directory. */
async function directoryOf(pattern: string, store: Store): Promise<string> {
  const steps = pattern.split(sep);
  const glob = steps.findIndex((step) => /[*?[\]{}!]/.test(step));
  if (glob >= 0) return steps.slice(0, glob).join(sep) || sep;
  return (await store.stat(pattern)) === null && !pattern.endsWith(".parquet") ? pattern : dirname(pattern);
}
