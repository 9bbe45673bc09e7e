/** Markers: files that say that the input beside them is complete, such as `_SUCCESS`. */
import { dirname, join, sep } from "node:path";
import { SpecError } from "../../errors.js";
import type { Store } from "../../stores/store.js";

export interface MarkedInput {
  readonly from: readonly string[];
  readonly store: Store;
  readonly marker?: string | null;
}

/** @throws SpecError `source.not-ready` where a directory of the input has no marker */
export async function requireMarkers({ from, store, marker = null }: MarkedInput): Promise<void> {
  if (marker === null) return;
  for (const pattern of from) {
    const directory = await directoryOf(pattern, store);
    if ((await store.stat(join(directory, marker))) !== null) continue;
    throw new SpecError(
      "source.not-ready",
      `there is no ${marker} in ${directory}: its files are not complete`,
      {
        hint: `Whoever writes the input writes ${marker} last; without one, remove input.wait_for.marker.`,
        details: { pattern, marker: join(directory, marker) },
      },
    );
  }
}

/** Where the first step with a pattern is looked up; that of a single file is beside it. */
async function directoryOf(pattern: string, store: Store): Promise<string> {
  const steps = pattern.split(sep);
  const glob = steps.findIndex((step) => /[*?[\]{}!]/.test(step));
  if (glob >= 0) return steps.slice(0, glob).join(sep) || sep;
  return (await store.stat(pattern)) === null && !pattern.endsWith(".parquet") ? pattern : dirname(pattern);
}
