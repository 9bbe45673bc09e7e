import { expect, test } from "vitest";
import type { Tensor, TensorSpec } from "../../../src/data/tensor.js";
import { type AttemptStats, noRows, noStats } from "../../../src/job/partition.js";
import { addSums, statsOf, sumsOf } from "../../../src/job/statistics.js";
import { contradictionCounter } from "../../../src/scoring/contradictions.js";

const probabilities: TensorSpec = {
  name: "p",
  type: "float32",
  shape: ["N", 3],
  role: "probabilities",
  labels: [0, 1, 7],
};
const label: TensorSpec = { name: "l", type: "int64", shape: ["N"], role: "label" };
const none = new Map<number, unknown>();

const p: Tensor = {
  type: "float32",
  dims: [4, 3],
  data: Float32Array.of(0.2, 0.5, 0.3, 0.2, 0.5, 0.3, 0.5, 0.5, 0, Number.NaN, Number.NaN, Number.NaN),
};
const l: Tensor = { type: "int64", dims: [4], data: BigInt64Array.of(1n, 7n, 1n, 0n) };

test("counts rows whose label is not the most probable class; ties, NaN and failed rows are none", () => {
  const count = contradictionCounter({ outputs: [label, probabilities] });
  expect(count?.({ p, l }, 4, none)).toBe(1);
  expect(count?.({ p, l }, 4, new Map([[1, "failed"]]))).toBe(0);
  expect(count?.({ p, l }, 1, none)).toBe(0);
  expect(count?.({ l }, 4, none)).toBe(0);
});

test("labels in text and in float32 are found as well", () => {
  const named = contradictionCounter({ outputs: [label, { ...probabilities, labels: ["a", "b", "c"] }] });
  expect(named?.({ p, l: { type: "string", dims: [4], data: ["b", "c", "x", "a"] } }, 4, none)).toBe(1);
  const count = contradictionCounter({ outputs: [label, probabilities] });
  expect(count?.({ p, l: { type: "float32", dims: [4], data: Float32Array.of(1, 7, 1, 0) } }, 4, none)).toBe(
    1,
  );
});

test("nothing is compared with scores that are no probabilities", () => {
  expect(contradictionCounter({ outputs: [label, { ...probabilities, role: "scores" }] })).toBeNull();
  expect(contradictionCounter({ outputs: [probabilities] })).toBeNull();
});

test("counts add up, also with those of a version that had none", () => {
  const of = (stats: AttemptStats) => sumsOf({ rows: noRows, reasons: {}, stats });
  const counted = of({ ...noStats, contradictions: 2 });
  expect(statsOf(addSums(addSums(of(noStats), counted), counted)).contradictions).toBe(4);
  expect(statsOf(addSums(of(noStats), of(noStats)))).toEqual(noStats);
});
