import type { ColumnMapping, InputMapping, Job, ListMapping } from "../../job/job.js";
import type { IdFile } from "../mapping.js";
import { idKey } from "./mapping-files.js";

/** The files that a job's mapping reads, each once, in the order of the job. */
export interface WantedFiles {
  /** Paths. */
  readonly categories: readonly string[];
  readonly ids: readonly IdFile[];
}

export function wantedFiles({ features, outputs }: Pick<Job, "features" | "outputs">): WantedFiles {
  const maps = Object.values(features?.inputs ?? {})
    .flatMap(mapped)
    .flatMap(({ map }) => (map === undefined ? [] : [map.file]));
  const ids = Object.values(outputs).flatMap(({ topK }) =>
    topK?.ids === undefined ? [] : [{ file: topK.ids.file, column: topK.ids.column ?? null }],
  );
  return {
    categories: [...new Set(maps)],
    ids: [...new Map(ids.map((file) => [idKey(file), file])).values()],
  };
}

function mapped(input: InputMapping): readonly (ColumnMapping | ListMapping)[] {
  if (input.kind === "constant") return [];
  return input.kind === "stack" ? input.stack : [input];
}
