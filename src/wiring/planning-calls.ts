/** Answers to `plan` and `preview`, in the worker host itself or, where a job has hooks, in one of its threads. */
import { rowNotes } from "../host/breadcrumb-trail.js";
import type { HostCalls } from "../host/host.js";
import type { Job } from "../job/job.js";
import { notingModels } from "../planning/model-notes.js";
import { planJob } from "../planning/planner.js";
import { previewJob } from "../planning/preview.js";
import type { Registry } from "../registry.js";
import { systemClock } from "./system-clock.js";

export type PlanningCallName = "plan" | "preview";

type PlanningCalls = {
  readonly [N in PlanningCallName]: (
    request: HostCalls[N]["request"],
    onItem: (item: HostCalls[N]["item"]) => void,
    signal: AbortSignal,
  ) => Promise<HostCalls[N]["result"]>;
};

/** @param memoryBytes what decoding may take for jobs that name no limit themselves */
export function planningCalls(
  unbounded: Registry,
  note: (line: string) => void,
  memoryBytes: number,
): PlanningCalls {
  const parts = async ({ input, limits }: Job) => {
    const registry = unbounded.within(limits.memoryBytes === "auto" ? memoryBytes : limits.memoryBytes);
    return {
      source: await registry.source(input),
      runtime: notingModels(await registry.runtime(), note),
      store: await registry.store(),
      format: await registry.format(),
      hooks: await registry.hooks(),
      clock: systemClock,
      openFile: registry.sourceOfFile,
      tables: await registry.tables(),
      noteRow: rowNotes(note),
    };
  };
  return {
    plan: async (request, onItem, signal) => planJob(request, await parts(request.job), onItem, signal),
    preview: async (request, _onItem, signal) => previewJob(request, await parts(request.job), signal),
  };
}
