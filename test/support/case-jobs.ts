/** Jobs over the files of a case, planned and previewed in this process: as `score` and `preview` would. */
import { type ModelJobFlags, modelJob } from "../../src/cli/lookup/model-job.js";
import type { JsonValue } from "../../src/errors.js";
import type { Compared, Preview } from "../../src/host/host.js";
import type { Job } from "../../src/job/job.js";
import type { Plan } from "../../src/job/plan.js";
import { planJob } from "../../src/planning/planner.js";
import { previewJob } from "../../src/planning/preview.js";
import { createRegistry } from "../../src/registry.js";
import { systemClock } from "../../src/wiring/system-clock.js";
import { scratch } from "./scratch.js";

const registry = createRegistry({
  note: () => undefined,
  hookDir: scratch(),
  environment: {},
  outputRoot: null,
  mayRunHooks: true,
});
const calm = new AbortController().signal;

/** A job of `model.onnx` and `in.parquet` in the folder, writing to `out.parquet`. */
export function jobOfCase(folder: string, flags: ModelJobFlags = {}): Job {
  return modelJob("model.onnx", ["in.parquet"], { to: "out.parquet", overwrite: false }, flags, folder);
}

export async function planOf(job: Job): Promise<Plan> {
  const call = { job, guess: true, cores: 2, memoryBytes: 4 * 1024 ** 3, tryLoad: false };
  return planJob(call, await partsOf(job), () => undefined, calm);
}

export async function previewOf(job: Job, limit = 1000): Promise<Preview> {
  return previewJob({ job, guess: true, limit }, await partsOf(job), calm);
}

/** Predictions of all rows beside those of a file, as `preview --expect` compares them. */
export async function comparedWith(job: Job, file: string): Promise<Compared> {
  const expect = { file, tolerance: 1e-5, rows: "input" } as const;
  const call = { job, guess: true, limit: 1, expect };
  const { compared } = await previewJob(call, await partsOf(job), calm);
  if (compared === undefined) throw new Error("nothing was compared");
  return compared;
}

/** The values of one column, in the order of the rows. */
export function valuesOf({ columns, rows }: Preview, column: string): readonly JsonValue[] {
  const place = columns.indexOf(column);
  return rows.map((row) => row[place] ?? null);
}

async function partsOf(job: Job) {
  return {
    source: await registry.source(job.input),
    runtime: await registry.runtime(),
    hooks: await registry.hooks(),
    store: await registry.store(),
    format: await registry.format(),
    clock: systemClock,
    openFile: registry.sourceOfFile,
    tables: await registry.tables(),
    noteRow: () => () => undefined,
  };
}
