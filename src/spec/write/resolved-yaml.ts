/** Formats a fully expanded job as a spec, for `explain`. */
import { stringify } from "yaml";
import { inputKind, type WaitFor } from "../../job/input.js";
import type {
  ColumnMapping,
  FeatureMapping,
  InputMapping,
  Job,
  OutputMapping,
  Passthrough,
} from "../../job/job.js";
import { outputKind } from "../../job/output.js";
import { mapValues } from "../to-mapping.js";

/** Paths are absolute; values that only a run knows (`{{ run.id }}`) are unexpanded. */
export function resolvedYaml(job: Job): string {
  return stringify(specOf(job), { lineWidth: 0, compat: "yaml-1.1" }).trimEnd();
}

function specOf(job: Job): unknown {
  const { model, input, hooks, write, limits, rowPolicy } = job;
  return {
    version: 1,
    name: job.name,
    model:
      model.externalData.length === 0 ? model.path : { path: model.path, external_data: model.externalData },
    input: {
      ...inputKind(input).keysOf(input),
      ...(input.key.length === 0 ? {} : { key: input.key }),
      on_empty: input.onEmpty,
      ...(input.waitFor === undefined ? {} : { wait_for: waitForOf(input.waitFor) }),
    },
    ...(hooks.pre === null ? {} : { pre: hooks.pre }),
    ...(job.features === null ? {} : { features: featuresOf(job.features) }),
    ...(Object.keys(job.outputs).length === 0 ? {} : { outputs: mapValues(job.outputs, outputOf) }),
    passthrough: passthroughOf(job.passthrough),
    ...(hooks.post === null ? {} : { post: hooks.post }),
    ...(job.check === undefined ? {} : { check: job.check }),
    write: {
      ...outputKind(write).keysOf(write),
      ...(write.partitionBy.length === 0 ? {} : { partition_by: write.partitionBy }),
      ...(Object.keys(write.add).length === 0 ? {} : { add: write.add }),
    },
    limits: {
      threads: limits.threads,
      partition_rows: limits.partitionRows,
      ...(limits.batchRows === undefined ? {} : { batch_rows: limits.batchRows }),
      max_attempts: limits.maxAttempts,
      partition_timeout: durationText(limits.partitionTimeoutMs),
      memory: limits.memoryBytes === "auto" ? "auto" : `${limits.memoryBytes}B`,
      on_row_error: rowPolicy.onRowError,
      ...(rowPolicy.maxErrorRows === null ? {} : { max_error_rows: rowPolicy.maxErrorRows }),
      ...(rowPolicy.maxErrorFraction === null ? {} : { max_error_fraction: rowPolicy.maxErrorFraction }),
    },
    ...(job.rows === undefined ? {} : { rows: job.rows }),
    engine: job.engine,
    providers: job.providers,
    ...(job.runsOn === undefined ? {} : { runs_on: job.runsOn }),
  };
}

function waitForOf({ timeoutMs, pollMs, marker }: WaitFor): object {
  const times = { timeout: durationText(timeoutMs), poll: durationText(pollMs) };
  return marker === null ? times : { ...times, marker };
}

function featuresOf({ inputs = {} }: FeatureMapping): unknown {
  return mapValues(inputs, inputOf);
}

function inputOf(mapping: InputMapping): unknown {
  const { kind: _, ...rest } = mapping;
  if (mapping.kind === "stack") return { ...rest, stack: mapping.stack.map(elementOf) };
  if (mapping.kind === "column" || mapping.kind === "constant") return rest;
  const { kind: __, padTo, padWith, ...list } = mapping;
  return {
    ...list,
    ...(padTo === undefined ? {} : { pad_to: padTo }),
    ...(padWith === undefined ? {} : { pad_with: padWith }),
  };
}

function outputOf({ topK, ...rest }: OutputMapping): unknown {
  if (topK === undefined) return rest;
  const { k, rank, ...more } = topK;
  return { ...rest, top_k: k, ...more, ...(rank ? { rank } : {}) };
}

function elementOf(element: ColumnMapping): unknown {
  return Object.keys(element).length === 1 ? element.column : element;
}

function passthroughOf(passthrough: Passthrough): unknown {
  return passthrough.kind === "columns" ? passthrough.columns : passthrough.kind;
}

/** Uses the largest unit that divides the duration: `30m`. */
function durationText(ms: number): string {
  for (const [unit, unitMs] of [
    ["h", 3_600_000],
    ["m", 60_000],
    ["s", 1000],
  ] as const)
    if (ms % unitMs === 0) return `${ms / unitMs}${unit}`;
  return `${ms}ms`;
}
