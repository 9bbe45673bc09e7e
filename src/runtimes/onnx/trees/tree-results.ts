/** Converts sums to the operator's outputs: labels and scores, or numbers. */
import type { Tensor } from "../../../data/tensor.js";
import type { ClassLabels } from "../zipmap.js";
import type { ClassTransform, TreeModel, TreeResult } from "./tree-model.js";

export interface TreeOutputs {
  /** [N], for classifiers only. */
  readonly label: Tensor | null;
  /** float32 [N, classes or targets] */
  readonly scores: Tensor;
}

export interface Finish {
  /** Returns outputs to be filled. */
  begin(rows: number): TreeOutputs;
  /** @param sums sums of consecutive rows, the first of which is row `start` of the outputs */
  block(sums: Float64Array, start: number, outputs: TreeOutputs): void;
}

export function finisherOf(model: TreeModel): Finish {
  const { result, base, sums } = model;
  switch (result.kind) {
    case "numbers":
      return numbers(base, sums, result);
    case "binary":
      return binary(base[0] ?? 0, result);
    case "classes":
      return classes(base, result.labels, result.transform);
  }
}

function numbers(
  base: readonly number[],
  width: number,
  { divideBy, transform }: Extract<TreeResult, { readonly kind: "numbers" }>,
): Finish {
  return {
    begin: (rows) => ({ label: null, scores: scoresTensor(rows, width) }),
    block(sums, start, { scores }) {
      const out = scores.data as Float32Array;
      for (let i = 0; i < sums.length; i++) {
        const number = (sums[i] ?? 0) / divideBy + (base[i % width] ?? 0);
        out[start * width + i] = transform === "logistic" ? logistic(number) : number;
      }
    },
  };
}

function binary(
  base: number,
  { labels, threshold, form }: Extract<TreeResult, { readonly kind: "binary" }>,
): Finish {
  const label = labelWriter(labels);
  return {
    begin: (rows) => ({ label: label.tensor(rows), scores: scoresTensor(rows, 2) }),
    block(sums, start, outputs) {
      const out = outputs.scores.data as Float32Array;
      for (let i = 0; i < sums.length; i++) {
        const sum = Math.fround((sums[i] ?? 0) + base);
        const row = start + i;
        label.write(outputs.label, row, sum > threshold ? 1 : 0);
        out[row * 2] = form === "share" ? 1 - sum : form === "logit" ? logistic(-sum) : -sum;
        out[row * 2 + 1] = form === "logit" ? logistic(sum) : sum;
      }
    },
  };
}

function classes(base: readonly number[], labels: ClassLabels, transform: ClassTransform): Finish {
  const label = labelWriter(labels);
  const width = labels.length;
  const row = new Float32Array(width);
  const change = { none: () => undefined, logistic: eachLogistic, softmax }[transform];
  return {
    begin: (rows) => ({ label: label.tensor(rows), scores: scoresTensor(rows, width) }),
    block(sums, start, outputs) {
      const out = outputs.scores.data as Float32Array;
      for (let first = 0; first < sums.length; first += width) {
        let best = 0;
        for (let k = 0; k < width; k++) {
          row[k] = (sums[first + k] ?? 0) + (base[k] ?? 0);
          // Compared as float32, as users see them: the first of equal ones wins.
          if ((row[k] ?? 0) > (row[best] ?? 0)) best = k;
        }
        const at = start + first / width;
        label.write(outputs.label, at, best);
        change(row);
        out.set(row, at * width);
      }
    },
  };
}

function logistic(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

function eachLogistic(row: Float32Array): void {
  for (let k = 0; k < row.length; k++) row[k] = logistic(row[k] ?? 0);
}

function softmax(row: Float32Array): void {
  let largest = Number.NEGATIVE_INFINITY;
  for (const value of row) largest = Math.max(largest, value);
  let total = 0;
  for (const value of row) total += Math.exp(value - largest);
  for (let k = 0; k < row.length; k++) row[k] = Math.exp((row[k] ?? 0) - largest) / total;
}

function scoresTensor(rows: number, width: number): Tensor {
  return { type: "float32", dims: [rows, width], data: new Float32Array(rows * width) };
}

interface LabelWriter {
  tensor(rows: number): Tensor;
  write(tensor: Tensor | null, row: number, label: number): void;
}

/** Labels are int64 in the operator, or strings. */
function labelWriter(labels: ClassLabels): LabelWriter {
  if (labels.every((label) => typeof label === "string"))
    return {
      tensor: (rows) => ({ type: "string", dims: [rows], data: new Array<string>(rows).fill("") }),
      write(tensor, row, label) {
        (tensor?.data as string[])[row] = labels[label] ?? "";
      },
    };
  const wide = labels.map((label) => BigInt(label));
  return {
    tensor: (rows) => ({ type: "int64", dims: [rows], data: new BigInt64Array(rows) }),
    write(tensor, row, label) {
      (tensor?.data as BigInt64Array)[row] = wide[label] ?? 0n;
    },
  };
}
