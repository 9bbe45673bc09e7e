/** Answers to `plan` and `preview`, in the worker host itself or, where a job has hooks, in one of its threads. */
import type { HostCalls } from "../host.js";
import { planJob } from "../planner.js";
import { notingModels } from "../planning/model-notes.js";
import { previewJob } from "../planning/preview.js";
import type { Registry } from "../registry.js";
import { systemClock } from "../system-clock.js";

export type PlanningCallName = "plan" | "preview";

type PlanningCalls = {
  readonly [N in PlanningCallName]: (
    request: HostCalls[N]["request"],
    onItem: (item: HostCalls[N]["item"]) => void,
    signal: AbortSignal,
  ) => Promise<HostCalls[N]["result"]>;
};

export function planningCalls(registry: Registry, note: (line: string) => void): PlanningCalls {
  const parts = async (input: Parameters<Registry["source"]>[0]) => ({
    source: await registry.source(input),
    runtime: notingModels(await registry.runtime(), note),
    store: await registry.store(),
    format: await registry.format(),
    hooks: await registry.hooks(),
    clock: systemClock,
    open: registry.source,
    tables: await registry.tables(),
  });
  return {
    plan: async (request, onItem, signal) => planJob(request, await parts(request.job.input), onItem, signal),
    preview: async (request, _onItem, signal) => previewJob(request, await parts(request.job.input), signal),
  };
}
