/** Converts a checked spec into a {@link Job}: absolute paths, converted units, no shorthands. */
import { resolve } from "node:path";
import { type InputSpec, inputKindNamed, type WaitFor } from "../job/input.js";
import {
  type CheckSpec,
  type Interval,
  type Job,
  type Limits,
  type Passthrough,
  type RowPolicy,
  usualTolerance,
} from "../job/job.js";
import { outputKindNamed } from "../job/output.js";
import { asList } from "./checks/check.js";
import { parseDurationMs, parseSizeBytes } from "./quantities.js";
import type { JobSpec } from "./schema.js";
import type { Connections } from "./take-connections.js";
import { mapValues, toFeatures, toOutput } from "./to-mapping.js";

/** @param baseDir absolute; paths in the spec are relative to it */
export function toJob(
  spec: JobSpec,
  baseDir: string,
  interval: Interval | null,
  connections: Connections,
): Job {
  const absolute = (path: string): string => resolve(baseDir, path);
  const model = typeof spec.model === "string" ? { path: spec.model, external_data: [] } : spec.model;
  const key = asList(spec.input.key);
  return {
    name: spec.name,
    model: { path: absolute(model.path), externalData: model.external_data.map(absolute) },
    input: toInput(spec.input, absolute, connections),
    features: toFeatures(spec.features ?? {}, absolute),
    outputs: mapValues(spec.outputs, (output) => toOutput(output, absolute)),
    passthrough: toPassthrough(spec.passthrough, key),
    hooks: {
      pre: spec.pre === undefined ? null : absolute(spec.pre),
      post: spec.post === undefined ? null : absolute(spec.post),
    },
    ...(spec.check === undefined ? {} : { check: toCheck(spec.check, absolute) }),
    write: outputKindNamed(spec.write.to).parse(spec.write, {
      absolute,
      connection: connections.write,
      inputKey: key,
    }),
    interval,
    limits: toLimits(spec.limits),
    rowPolicy: toRowPolicy(spec.limits),
    ...(spec.rows === "dependent" ? { rows: spec.rows } : {}),
    engine: spec.engine,
    providers: spec.providers,
    ...(spec.runs_on === undefined ? {} : { runsOn: spec.runs_on }),
  };
}

function toCheck(spec: JobSpec["check"] & {}, absolute: (path: string) => string): CheckSpec {
  const { file, tolerance } = typeof spec === "string" ? { file: spec, tolerance: usualTolerance } : spec;
  return { file: absolute(file), tolerance };
}

function toPassthrough(spec: JobSpec["passthrough"], key: readonly string[]): Passthrough {
  if (spec === undefined) return { kind: key.length > 0 ? "none" : "rest" };
  if (typeof spec === "string") return { kind: spec };
  const columns = spec.filter((column) => !key.includes(column));
  return columns.length === 0 ? { kind: "none" } : { kind: "columns", columns };
}

function toInput(
  spec: JobSpec["input"],
  absolute: (path: string) => string,
  { input: connection }: Connections,
): InputSpec {
  return {
    ...inputKindNamed(spec.from).parse(spec, { absolute, connection }),
    key: asList(spec.key),
    onEmpty: spec.on_empty,
    ...(spec.wait_for === undefined ? {} : { waitFor: toWaitFor(spec.wait_for) }),
  };
}

function toWaitFor({ timeout, poll, marker }: JobSpec["input"]["wait_for"] & object): WaitFor {
  return { timeoutMs: parseDurationMs(timeout), pollMs: parseDurationMs(poll), marker: marker ?? null };
}

function toLimits(spec: JobSpec["limits"]): Limits {
  return {
    threads: spec.threads,
    partitionRows: spec.partition_rows,
    ...(spec.batch_rows === undefined ? {} : { batchRows: spec.batch_rows }),
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
