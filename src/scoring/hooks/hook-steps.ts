/** Hooks as steps of scoring, according to the plan. */

import type { RecordBatch } from "apache-arrow";
import type { Schema } from "../../data/column.js";
import type { HookContext, LoadedHook } from "../../hooks/hook.js";
import type { Job } from "../../job/job.js";
import type { HookRole, PlannedHook } from "../../job/plan.js";
import type { Mapping } from "../../mapping/mapping.js";
import { applyHook, type HookResult } from "./apply-hook.js";

export interface HookSteps {
  /** Runs before binding. */
  pre(batch: RecordBatch): Promise<RecordBatch>;
  /** Runs on a scored chunk. */
  post(batch: RecordBatch): Promise<Pick<HookResult, "batch" | "filtered">>;
  /** Returns the mapping without the columns that `post` adds. */
  beforePost(mapping: Mapping): Mapping;
}

export const noHooks: HookSteps = {
  pre: async (batch) => batch,
  post: async (batch) => ({ batch, filtered: 0 }),
  beforePost: (mapping) => mapping,
};

export type LoadedHooks = ReadonlyMap<HookRole, LoadedHook>;

export interface PlannedSteps {
  readonly job: Job;
  readonly inputSchema: Schema;
  /** The mapping with the columns that `post` adds. */
  readonly mapping: Mapping;
  readonly hooks: readonly PlannedHook[];
}

export function hookSteps(
  { job, inputSchema, mapping, hooks }: PlannedSteps,
  loaded: LoadedHooks,
): HookSteps {
  const step = (role: HookRole, taken: readonly string[]) => {
    const hook = loaded.get(role);
    const planned = hooks.find((candidate) => candidate.role === role);
    if (hook === undefined || planned === undefined) return null;
    const { reads: readable, adds } = planned;
    return (batch: RecordBatch) =>
      applyHook({ role, hook, context: contextOf(job), readable, taken, adds }, batch);
  };
  const added = addedBy("post-hook", hooks).length;
  const beforePost: HookSteps["beforePost"] = (whole) =>
    added === 0 ? whole : { ...whole, columns: whole.columns.slice(0, -added) };
  const pre = step("pre-hook", namesOf(inputSchema));
  const post = step("post-hook", namesOf(beforePost(mapping).columns));
  return {
    pre: pre === null ? noHooks.pre : async (batch) => (await pre(batch)).batch,
    // If every row of a chunk was quarantined, there is nothing to pass to the hook.
    post: (batch) => (post === null || batch.numRows === 0 ? noHooks.post(batch) : post(batch)),
    beforePost,
  };
}

export function contextOf({ name, interval }: Job): HookContext {
  return { job: name, interval };
}

export function addedBy(role: HookRole, hooks: readonly PlannedHook[]): Schema {
  return hooks.find((hook) => hook.role === role)?.adds ?? [];
}

export function namesOf(schema: Schema): readonly string[] {
  return schema.map(({ name }) => name);
}
