/** A checked spec as a {@link Job}: paths absolute, units converted, shorthands written out. */
import { resolve } from "node:path";
import type { Interval, Job, Limits, Passthrough, RowPolicy, WriteSpec } from "../job.js";
import { asList } from "./checks/check.js";
import { parseDurationMs, parseSizeBytes } from "./quantities.js";
import type { JobSpec } from "./schema.js";
import { mapValues, toFeatures, toOutput } from "./to-mapping.js";

/** @param baseDir absolute; paths in the spec are relative to it */
export function toJob(spec: JobSpec, baseDir: string, interval: Interval | null): Job {
  const absolute = (path: string): string => resolve(baseDir, path);
  const model = typeof spec.model === "string" ? { path: spec.model, external_data: [] } : spec.model;
  const key = asList(spec.input.key);
  return {
    name: spec.name,
    model: { path: absolute(model.path), externalData: model.external_data.map(absolute) },
    input: { from: asList(spec.input.from).map(absolute), key, onEmpty: spec.input.on_empty },
    features: toFeatures(spec.features ?? {}, absolute),
    outputs: mapValues(spec.outputs, (output) => toOutput(output, absolute)),
    passthrough: toPassthrough(spec.passthrough, key),
    hooks: {
      pre: spec.pre === undefined ? null : absolute(spec.pre),
      post: spec.post === undefined ? null : absolute(spec.post),
    },
    write: toWrite(spec.write, absolute),
    interval,
    limits: toLimits(spec.limits),
    rowPolicy: toRowPolicy(spec.limits),
    engine: spec.engine,
    providers: spec.providers,
  };
}

function toPassthrough(spec: JobSpec["passthrough"], key: readonly string[]): Passthrough {
  if (spec === undefined) return { kind: key.length > 0 ? "none" : "rest" };
  if (typeof spec === "string") return { kind: spec };
  const columns = spec.filter((column) => !key.includes(column));
  return columns.length === 0 ? { kind: "none" } : { kind: "columns", columns };
}

function toWrite(spec: JobSpec["write"], absolute: (path: string) => string): WriteSpec {
  return {
    to: absolute(spec.to),
    shape: spec.to.endsWith(".parquet") ? "file" : "directory",
    mode: spec.mode,
    partitionBy: spec.partition_by ?? [],
    add: spec.add,
  };
}

function toLimits(spec: JobSpec["limits"]): Limits {
  return {
    threads: spec.threads,
    partitionRows: spec.partition_rows,
    maxAttempts: spec.max_attempts,
    partitionTimeoutMs: parseDurationMs(spec.partition_timeout),
    memoryBytes: spec.memory === "auto" ? "auto" : parseSizeBytes(spec.memory),
  };
}

function toRowPolicy(spec: JobSpec["limits"]): RowPolicy {
  return {
    onRowError: spec.on_row_error,
    maxErrorRows: spec.max_error_rows ?? null,
    maxErrorFraction: spec.max_error_fraction ?? null,
  };
}
