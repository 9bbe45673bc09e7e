/** A job with everything expanded, in the words of a spec: what `explain` shows. */
import { stringify } from "yaml";
import type {
  ColumnMapping,
  FeatureMapping,
  InputMapping,
  Job,
  OutputMapping,
  Passthrough,
} from "../../job.js";
import { mapValues } from "../to-mapping.js";

/** Paths are absolute; what only a run knows (`{{ run.id }}`) is still unexpanded. */
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
      from: input.from,
      ...(input.key.length === 0 ? {} : { key: input.key }),
      on_empty: input.onEmpty,
    },
    ...(hooks.pre === null ? {} : { pre: hooks.pre }),
    ...(job.features === null ? {} : { features: featuresOf(job.features) }),
    ...(Object.keys(job.outputs).length === 0 ? {} : { outputs: mapValues(job.outputs, outputOf) }),
    passthrough: passthroughOf(job.passthrough),
    ...(hooks.post === null ? {} : { post: hooks.post }),
    write: {
      to: write.to,
      mode: write.mode,
      ...(write.partitionBy.length === 0 ? {} : { partition_by: write.partitionBy }),
      ...(Object.keys(write.add).length === 0 ? {} : { add: write.add }),
    },
    limits: {
      threads: limits.threads,
      partition_rows: limits.partitionRows,
      max_attempts: limits.maxAttempts,
      partition_timeout: durationText(limits.partitionTimeoutMs),
      memory: limits.memoryBytes === "auto" ? "auto" : `${limits.memoryBytes}B`,
      on_row_error: rowPolicy.onRowError,
      ...(rowPolicy.maxErrorRows === null ? {} : { max_error_rows: rowPolicy.maxErrorRows }),
      ...(rowPolicy.maxErrorFraction === null ? {} : { max_error_fraction: rowPolicy.maxErrorFraction }),
    },
    engine: job.engine,
    providers: job.providers,
  };
}

function featuresOf({ inputs = {} }: FeatureMapping): unknown {
  return mapValues(inputs, inputOf);
}

function inputOf(mapping: InputMapping): unknown {
  const { kind: _, ...rest } = mapping;
  if (mapping.kind === "stack") return { ...rest, stack: mapping.stack.map(elementOf) };
  if (mapping.kind === "column") return rest;
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

/** The largest unit that divides it: `30m`. */
function durationText(ms: number): string {
  for (const [unit, unitMs] of [
    ["h", 3_600_000],
    ["m", 60_000],
    ["s", 1000],
  ] as const)
    if (ms % unitMs === 0) return `${ms / unitMs}${unit}`;
  return `${ms}ms`;
}
