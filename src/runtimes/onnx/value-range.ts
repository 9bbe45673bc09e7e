/**
 * Computes bounds of a value's elements for any model input, by interval arithmetic backwards through the
 * graph. Everything that is not known to be bounded is unbounded, so a value within [0, 1] here is within it
 * for every row.
 */

import { type NodeProto, TensorProto_DataType } from "#onnx-proto";
import { attribute, classLabels, numbersInTensor, numbersOf } from "./attributes.js";
import { isProbabilistic, transformOf } from "./engine-faults.js";
import { constantOf, type GraphIndex, isOperator } from "./graph-index.js";
import { weightRange } from "./trees/weight-range.js";

export interface Range {
  readonly low: number;
  readonly high: number;
}

const anything: Range = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
const share: Range = { low: 0, high: 1 };
/** Tolerance for rounding errors of float32 sums. */
const slack = 1e-3;
/** Longer chains do not end a classifier. */
const maxDepth = 64;

/** Whether all elements are within [0, 1], as probabilities are. */
export function isShare(index: GraphIndex, name: string): boolean {
  const { low, high } = rangeOf(index, name, new Map(), 0);
  return low >= -slack && high <= 1 + slack;
}

type Known = Map<string, Range>;

function rangeOf(index: GraphIndex, name: string, known: Known, depth: number): Range {
  const met = known.get(name);
  if (met !== undefined) return met;
  // The result in case of a cycle, which no valid model has.
  known.set(name, anything);
  const range = depth > maxDepth ? anything : computed(index, name, known, depth);
  const sound = Number.isNaN(range.low) || Number.isNaN(range.high) ? anything : range;
  known.set(name, sound);
  return sound;
}

function computed(index: GraphIndex, name: string, known: Known, depth: number): Range {
  const constant = constantOf(index, name);
  if (constant !== null) return numbersRange(numbersInTensor(constant));
  const node = index.producers.get(name);
  if (node === undefined) return anything;
  const of = (place: number): Range => {
    const input = node.input[place];
    return input === undefined || input === "" ? anything : rangeOf(index, input, known, depth + 1);
  };
  const all = (): readonly Range[] => node.input.map((_, place) => of(place));
  if (node.domain === "ai.onnx.ml") return ofClassicalModel(node, name, of);
  if (!isOperator(node, "ai.onnx", node.opType)) return anything;
  switch (node.opType) {
    case "Sigmoid":
    case "Softmax":
    case "HardSigmoid":
    case "Equal":
    case "Less":
    case "Greater":
    case "LessOrEqual":
    case "GreaterOrEqual":
    case "And":
    case "Or":
    case "Not":
    case "Xor":
      return share;
    case "LogSoftmax":
      return { low: Number.NEGATIVE_INFINITY, high: 0 };
    case "Cast":
      return attribute(node, "to")?.i === BigInt(TensorProto_DataType.BOOL) ? share : of(0);
    case "LpNormalization":
      return (attribute(node, "p")?.i ?? 2n) > 0n && of(0).low >= 0 ? share : { low: -1, high: 1 };
    case "Clip":
      return clipped(of(0), node.input[1], node.input[2], of);
    case "Reciprocal":
      return of(0).low > 0 ? { low: 1 / of(0).high, high: 1 / of(0).low } : anything;
    case "Identity":
    case "Reshape":
    case "Squeeze":
    case "Unsqueeze":
    case "Flatten":
    case "Transpose":
    case "Slice":
    case "Split":
    case "Gather":
    case "GatherElements":
    case "GatherND":
    case "Expand":
    case "Tile":
    case "ReduceMean":
    case "ReduceMax":
    case "ReduceMin":
      return of(0);
    case "Concat":
    case "Max":
    case "Min":
    case "Mean":
      return union(all());
    case "Where":
      return union([of(1), of(2)]);
    case "Neg":
      return negated(of(0));
    case "Abs": {
      const { low, high } = of(0);
      return { low: 0, high: Math.max(Math.abs(low), Math.abs(high)) };
    }
    case "Relu":
      return { low: Math.max(0, of(0).low), high: Math.max(0, of(0).high) };
    case "Exp":
      return isLogShare(index, node.input[0] ?? "")
        ? share
        : { low: Math.exp(of(0).low), high: Math.exp(of(0).high) };
    case "Sqrt":
      return { low: 0, high: Math.sqrt(Math.max(0, of(0).high)) };
    case "Add":
    case "Sum":
      return all().reduce(plus, { low: 0, high: 0 });
    case "Sub":
      return isLessMaximum(index, node)
        ? { low: Number.NEGATIVE_INFINITY, high: 0 }
        : plus(of(0), negated(of(1)));
    case "Mul":
      return times(of(0), of(1));
    case "ReduceSum":
      return of(0).low >= 0 ? { low: 0, high: Number.POSITIVE_INFINITY } : anything;
    case "Div":
      if (of(0).low >= 0 && isTotalOf(index, node.input[1] ?? "", node.input[0] ?? "")) return share;
      return of(1).low > 0 ? times(of(0), { low: 1 / of(1).high, high: 1 / of(1).low }) : anything;
    default:
      return anything;
  }
}

function ofClassicalModel(node: NodeProto, name: string, of: (place: number) => Range): Range {
  switch (node.opType) {
    case "Normalizer":
      return of(0).low >= 0 ? share : { low: -1, high: 1 };
    case "ArrayFeatureExtractor":
      return of(0);
    case "TreeEnsembleRegressor":
      return transformOf(node) === "NONE" ? weightRange(node, "target") : anything;
    case "TreeEnsembleClassifier":
    case "LinearClassifier":
    case "SVMClassifier":
      return name === node.output[1] ? scoresRange(node) : anything;
    default:
      return anything;
  }
}

function scoresRange(node: NodeProto): Range {
  const transform = transformOf(node);
  // Without Platt's parameters, a support vector machine only has distances, even if they are mapped into [0,
  // 1].
  if (node.opType === "SVMClassifier" && !isProbabilistic(node)) return anything;
  if (["LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"].includes(transform)) return share;
  if (transform !== "NONE") return anything;
  if (node.opType === "SVMClassifier") return share;
  if (node.opType === "LinearClassifier") return anything;
  const weights = weightRange(node, "class");
  const isPair = classLabels(node)?.length === 2 && new Set(numbersOf(node, "class_ids")).size === 1;
  // The other class gets the rest to 1 if no weight is negative, else the negated score.
  return isPair
    ? weights.low >= 0
      ? union([weights, { low: 1 - weights.high, high: 1 - weights.low }])
      : anything
    : weights;
}

function numbersRange(numbers: readonly number[] | null): Range {
  if (numbers === null || numbers.length === 0) return anything;
  return numbers.reduce<Range>(
    ({ low, high }, number) => ({ low: Math.min(low, number), high: Math.max(high, number) }),
    { low: Number.POSITIVE_INFINITY, high: Number.NEGATIVE_INFINITY },
  );
}

function union(ranges: readonly Range[]): Range {
  return {
    low: Math.min(...ranges.map(({ low }) => low)),
    high: Math.max(...ranges.map(({ high }) => high)),
  };
}

/** Bounds are optional inputs. */
function clipped(
  { low, high }: Range,
  least: string | undefined,
  most: string | undefined,
  of: (place: number) => Range,
): Range {
  const [floor, ceiling] = [least ? of(1).low : low, most ? of(2).high : high];
  return { low: Math.min(Math.max(low, floor), ceiling), high: Math.max(Math.min(high, ceiling), floor) };
}

function plus(a: Range, b: Range): Range {
  return { low: a.low + b.low, high: a.high + b.high };
}

function negated({ low, high }: Range): Range {
  return { low: -high, high: -low };
}

/** 0 times infinity is NaN, which is not a valid bound: see {@link rangeOf}. */
function times(a: Range, b: Range): Range {
  const corners = [a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high];
  return { low: Math.min(...corners), high: Math.max(...corners) };
}

/** `LogSoftmax`, or `x - ReduceLogSumExp(x)`: the logarithm of a share. */
function isLogShare(index: GraphIndex, name: string): boolean {
  const node = index.producers.get(alias(index, name));
  if (node === undefined) return false;
  if (isOperator(node, "ai.onnx", "LogSoftmax")) return true;
  return (
    isOperator(node, "ai.onnx", "Sub") &&
    isReductionOf(index, "ReduceLogSumExp", node.input[1] ?? "", node.input[0] ?? "")
  );
}

/** `x - ReduceMax(x)` is not positive. */
function isLessMaximum(index: GraphIndex, node: NodeProto): boolean {
  return isReductionOf(index, "ReduceMax", node.input[1] ?? "", node.input[0] ?? "");
}

/**
 * Whether `total` is the sum of the non-negative elements of `name`. A sum of zero may have been replaced by
 * a positive number; or both may have an addition for this case, `(x + m) / (sum(x) + classes * m)`, as
 * skl2onnx writes it.
 */
function isTotalOf(index: GraphIndex, total: string, name: string): boolean {
  if (isReductionOf(index, "ReduceSum", total, name)) return true;
  const node = index.producers.get(alias(index, total));
  if (node === undefined) return false;
  const isReduction = (reduced: string) => (input: string) =>
    isReductionOf(index, "ReduceSum", input, reduced);
  if (
    ["Add", "Max", "Clip", "Where"].some((op) => isOperator(node, "ai.onnx", op)) &&
    node.input.some(isReduction(name))
  )
    return true;
  const part = index.producers.get(alias(index, name));
  if (part === undefined || !isOperator(part, "ai.onnx", "Add") || !isOperator(node, "ai.onnx", "Add"))
    return false;
  return [0, 1].some((place) => {
    const [reduced = "", more = ""] = [part.input[place], part.input[1 - place]];
    const at = node.input.findIndex(isReduction(reduced));
    if (at < 0) return false;
    const added = alias(index, node.input[1 - at] ?? "");
    const product = index.producers.get(added);
    const isProduct =
      product !== undefined && isOperator(product, "ai.onnx", "Mul") && product.input.includes(more);
    return added === alias(index, more) || isProduct;
  });
}

function isReductionOf(index: GraphIndex, reduction: string, reduced: string, name: string): boolean {
  const node = index.producers.get(alias(index, reduced));
  return (
    node !== undefined &&
    isOperator(node, "ai.onnx", reduction) &&
    alias(index, node.input[0] ?? "") === alias(index, name)
  );
}

/** Follows operators that change neither the elements nor, as far as reductions matter, their rows. */
function alias(index: GraphIndex, name: string): string {
  let at = name;
  for (let step = 0; step < maxDepth; step++) {
    const node = index.producers.get(at);
    const isPlain =
      node !== undefined && ["Identity", "Cast", "Reshape"].some((op) => isOperator(node, "ai.onnx", op));
    if (!isPlain || node.input[0] === undefined) return at;
    at = node.input[0];
  }
  return at;
}
