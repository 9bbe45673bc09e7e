/** Previews a job over files in this process: planned, read and scored as a run would be, and nothing written. */

import { parquetFormat } from "../../src/formats/parquet/parquet-format.js";
import type { HookRuntime } from "../../src/hooks/hook.js";
import type { Job } from "../../src/job/job.js";
import { previewJob } from "../../src/planning/preview.js";
import { onnxRuntime } from "../../src/runtimes/onnx/onnx-runtime.js";
import { fileSource } from "../../src/sources/files/file-source.js";
import type { FilesInput } from "../../src/sources/files/files-input.js";
import { TableRoots } from "../../src/sources/files/table-formats.js";
import { localStore } from "../../src/stores/local/local-store.js";
import { systemClock } from "../../src/wiring/system-clock.js";
import { filesOf, type JobParts, jobWith } from "./jobs.js";

const noHooks: HookRuntime = {
  bundle: () => Promise.reject(new Error("not asked for")),
  load: () => Promise.reject(new Error("not asked for")),
};

export interface CaseJob extends JobParts {
  readonly model: Job["model"];
  readonly from: readonly string[];
  readonly missingColumns?: "fail" | "nulls";
}

/** The first rows of the output, by column; and what people are shown. */
export async function previewCase({ from, missingColumns = "fail", ...parts }: CaseJob): Promise<{
  readonly columns: { readonly [column: string]: readonly unknown[] };
  readonly warnings: readonly string[];
}> {
  const base = jobWith(parts);
  const input: FilesInput = { ...filesOf(base).input, from, missingColumns };
  const job: Job = { ...base, input };
  const store = localStore();
  const format = parquetFormat();
  const preview = await previewJob(
    { job, guess: false, limit: 100 },
    {
      source: fileSource({ from, store, format, missingColumns }),
      runtime: onnxRuntime(),
      hooks: noHooks,
      store,
      format,
      clock: systemClock,
      openFile: async () => fileSource({ from, store, format }),
      tables: new TableRoots(store),
      noteRow: () => () => undefined,
    },
    new AbortController().signal,
  );
  const columns = Object.fromEntries(
    preview.columns.map((name, at) => [name, preview.rows.map((row) => row[at])]),
  );
  return { columns, warnings: preview.mapping.warnings };
}
