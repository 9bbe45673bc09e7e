/** Determines what hooks read and add, by calling them on the first rows while a run is planned. */

import { makeData, type RecordBatch, vectorFromArray } from "apache-arrow";
import { arrowSchema } from "../../data/arrow-types.js";
import { type Schema, unreadablePart } from "../../data/column.js";
import { SpecError } from "../../errors.js";
import type { LoadedHook } from "../../hooks/hook.js";
import type { Job } from "../../job/job.js";
import type { PlannedHook } from "../../job/plan.js";
import { didYouMean } from "../../mapping/did-you-mean.js";
import type { Mapping } from "../../mapping/mapping.js";
import { createProblems } from "../../mapping/problems.js";
import { requirePartitionColumns } from "../../mapping/resolve-columns.js";
import { requireReadable } from "../../mapping/unreadable-columns.js";
import { applyHook, type HookResult, recordBatch } from "./apply-hook.js";
import { contextOf, namesOf } from "./hook-steps.js";

/**
 * Returns the columns that a `pre` hook receives: those it names, else all readable ones.
 * @throws SpecError `hook.reads` for a name that the input does not have
 */
export function preReads(hook: LoadedHook, schema: Schema): readonly string[] {
  const names = namesOf(schema.filter(({ type }) => unreadablePart(type) === null));
  requireReadable(schema, hook.reads ?? [], []);
  for (const name of hook.reads ?? [])
    if (!names.includes(name))
      throw new SpecError(
        "hook.reads",
        `${hook.path}: \`reads\` names "${name}", which the input doesn't have`,
        {
          hint: didYouMean(name, names, "columns"),
          details: { ...hook.details, column: name },
        },
      );
  return hook.reads === null ? names : names.filter((name) => hook.reads?.includes(name));
}

/** @param rows the first rows; `null` if the input is empty: then the hook is called without rows */
export async function learnPre(
  hook: LoadedHook,
  job: Job,
  inputSchema: Schema,
  rows: RecordBatch | null,
): Promise<PlannedHook> {
  const reads = preReads(hook, inputSchema);
  const batch = rows ?? emptyBatch(inputSchema.filter(({ name }) => reads.includes(name)));
  const { adds } = await callUnplanned(
    { role: "pre-hook", hook, job, reads, taken: namesOf(inputSchema) },
    batch,
  );
  return { role: "pre-hook", reads, adds };
}

/** @param scored the first rows as scored; `null` if there are none */
export async function learnPost(
  hook: LoadedHook,
  job: Job,
  mapping: Mapping,
  scored: RecordBatch | null,
): Promise<PlannedHook> {
  const reads = namesOf(mapping.columns);
  const batch = scored ?? emptyBatch(mapping.columns);
  const { adds } = await callUnplanned({ role: "post-hook", hook, job, reads, taken: reads }, batch);
  return { role: "post-hook", reads, adds };
}

/** Returns the mapping with the columns of `post` at its end. @throws SpecError `mapping.partition-by` */
export function withPostColumns(job: Job, mapping: Mapping, adds: Schema): Mapping {
  const columns = [...mapping.columns, ...adds];
  const problems = createProblems();
  requirePartitionColumns(job, columns, problems);
  problems.throwIfAny();
  return { ...mapping, columns };
}

interface UnplannedCall extends Pick<PlannedHook, "role" | "reads"> {
  readonly hook: LoadedHook;
  readonly job: Job;
  readonly taken: readonly string[];
}

function callUnplanned(
  { role, hook, job, reads, taken }: UnplannedCall,
  batch: RecordBatch,
): Promise<HookResult> {
  return applyHook({ role, hook, context: contextOf(job), readable: reads, taken, adds: null }, batch);
}

function emptyBatch(columns: Schema): RecordBatch {
  const schema = arrowSchema(columns);
  const children = schema.fields.map(
    ({ type }) => vectorFromArray([], type).data[0] ?? makeData({ type, length: 0 }),
  );
  return recordBatch(schema, children, 0);
}
