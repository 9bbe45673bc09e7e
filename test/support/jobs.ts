/** Jobs, signatures and schemas for tests, from what matters in each. */
import type { ColumnType, Schema } from "../../src/data/column.js";
import type { Signature, TensorSpec } from "../../src/data/tensor.js";
import type { Job } from "../../src/job/job.js";
import type { FilesWrite } from "../../src/sinks/files/files-write.js";
import type { FilesInput } from "../../src/sources/files/files-input.js";

export const int64: ColumnType = { kind: "int", bits: 64, signed: true };
export const int32: ColumnType = { kind: "int", bits: 32, signed: true };
export const float32: ColumnType = { kind: "float", bits: 32 };
export const float64: ColumnType = { kind: "float", bits: 64 };
export const utf8: ColumnType = { kind: "utf8" };
export const timestamp: ColumnType = { kind: "timestamp", unit: "us", timezone: "UTC" };

export type JobParts = Partial<Omit<Job, "input" | "write">> & {
  readonly key?: readonly string[];
  readonly write?: Partial<FilesWrite>;
};

/** Where a test knows that it is files. */
export function filesOf({ input, write }: Job): { readonly input: FilesInput; readonly write: FilesWrite } {
  if (input.kind !== "files" || write.kind !== "files") throw new Error("these are no files");
  return { input: input as FilesInput, write: write as FilesWrite };
}

/** An input of files, with the given parts changed. */
export function filesInput(parts: Partial<FilesInput> = {}): FilesInput {
  return { kind: "files", from: [], key: [], onEmpty: "fail", ...parts };
}

/** A job as `score` makes it, with the given parts changed. */
export function jobWith({ key = [], write, ...parts }: JobParts = {}): Job {
  return {
    name: "job",
    model: { path: "/models/model.onnx", externalData: [] },
    input: filesInput({ from: ["/data"], key }),
    features: null,
    outputs: {},
    passthrough: { kind: "rest" },
    hooks: { pre: null, post: null },
    write: {
      kind: "files",
      to: "/out",
      shape: "directory",
      mode: "error",
      partitionBy: [],
      add: {},
      ...write,
    },
    interval: null,
    limits: {
      threads: "auto",
      partitionRows: "auto",
      maxAttempts: 3,
      partitionTimeoutMs: 60_000,
      memoryBytes: "auto",
    },
    rowPolicy: { onRowError: "fail", maxErrorRows: null, maxErrorFraction: null },
    engine: "auto",
    providers: ["cpu"],
    ...parts,
  };
}

export function schemaOf(columns: { readonly [name: string]: ColumnType }): Schema {
  return Object.entries(columns).map(([name, type]) => ({ name, type, nullable: true }));
}

export function signatureOf(
  inputs: readonly TensorSpec[],
  outputs: readonly TensorSpec[] = [{ name: "score", type: "float32", shape: ["N", 1] }],
  parts: Partial<Signature> = {},
): Signature {
  return { inputs, outputs, fixedBatch: null, metadata: {}, featureNames: null, ...parts };
}

export function range(length: number): readonly number[] {
  return Array.from({ length }, (_, index) => index);
}

/** A seeded generator (mulberry32), so that a failing case can be run again. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4_294_967_296;
  };
}
