/** A TreeEnsemble operator's attributes as trees. Whatever is unusual gives `null`: then the engine runs the model. */

import type { NodeProto } from "#onnx-proto";
import { asciiOf, numbersOf } from "../attributes.js";

/**
 * Nodes of all trees, each property in an array of its own. Going on is uniform: `x > threshold` leads to `greater`,
 * anything else to `other`; NaN is greater than nothing, but goes to `greater` all the same where `nanGreater` is 1.
 */
export interface Ensemble {
  /** The largest feature that a node looks at, plus one. */
  readonly features: number;
  readonly feature: Int32Array;
  readonly threshold: Float32Array;
  /** Nodes, by index; a leaf's are the leaf itself. */
  readonly greater: Int32Array;
  readonly other: Int32Array;
  readonly nanGreater: Uint8Array;
  readonly trees: readonly Tree[];
  /** Scores of all leaves, leaf after leaf, each leaf's in the order of its tree's targets. */
  readonly scores: Float32Array;
  /** Where a leaf's scores begin; of no meaning for other nodes. */
  readonly firstScore: Int32Array;
}

export interface Tree {
  readonly root: number;
  /** Steps to the deepest leaf. */
  readonly depth: number;
  /** The outputs that its leaves add to: consecutive ones, and the same for all its leaves. */
  readonly firstTarget: number;
  readonly targets: number;
}

/** Larger forests stay with the engine, because each thread would hold its own copy of 16 bytes a node. */
const maxNodes = 4_000_000;
const maxFeatures = 2 ** 20;

/** @param outputs number of sums for each row */
export function readEnsemble(node: NodeProto, kind: "class" | "target", outputs: number): Ensemble | null {
  const nodes = readNodes(node);
  const scores = nodes === null ? null : readScores(node, kind, nodes);
  if (nodes === null || scores === null) return null;
  const trees: Tree[] = [];
  for (const range of nodes.ranges) {
    const depth = depthOf(nodes, range);
    const targets = depth === null ? null : targetsOf(nodes, scores, range);
    if (depth === null || targets === null || targets.first + targets.count > outputs) return null;
    trees.push({ root: range.root, depth, firstTarget: targets.first, targets: targets.count });
  }
  const { features, feature, threshold, greater, other, nanGreater } = nodes;
  const { weight, firstScore } = scores;
  return { features, feature, threshold, greater, other, nanGreater, trees, scores: weight, firstScore };
}

/** A tree's nodes: all together, and numbered from 0 in their order. */
interface TreeRange {
  readonly root: number;
  readonly end: number;
}

interface Nodes extends Omit<Ensemble, "trees" | "scores" | "firstScore"> {
  readonly ranges: readonly TreeRange[];
  readonly byId: ReadonlyMap<number, TreeRange>;
}

function readNodes(node: NodeProto): Nodes | null {
  const treeIds = numbersOf(node, "nodes_treeids");
  const nodeIds = numbersOf(node, "nodes_nodeids");
  const features = numbersOf(node, "nodes_featureids");
  const values = numbersOf(node, "nodes_values");
  const yes = numbersOf(node, "nodes_truenodeids");
  const no = numbersOf(node, "nodes_falsenodeids");
  if (!treeIds || !nodeIds || !features || !values || !yes || !no) return null;
  const modes = asciiOf(node, "nodes_modes");
  const count = treeIds.length;
  const nanTrue = numbersOf(node, "nodes_missing_value_tracks_true") ?? new Float64Array(count);
  const lists = [nodeIds, features, values, yes, no, modes, nanTrue];
  if (count === 0 || count > maxNodes || lists.some(({ length }) => length !== count)) return null;
  const byId = treeRanges(treeIds, nodeIds);
  if (byId === null) return null;

  const feature = new Int32Array(count);
  const threshold = new Float32Array(count);
  const greater = new Int32Array(count);
  const other = new Int32Array(count);
  const nanGreater = new Uint8Array(count);
  let largest = -1;
  for (const { root, end } of byId.values())
    for (let i = root; i < end; i++) {
      const test = tests.get(modes[i] ?? "");
      if (test === undefined) return null;
      greater[i] = i;
      other[i] = i;
      if (test === "leaf") continue;
      const [trueNode, falseNode] = [root + (yes[i] ?? 0), root + (no[i] ?? 0)];
      // Children follow their parent, so there are no cycles.
      if (!(trueNode > i && trueNode < end && falseNode > i && falseNode < end)) return null;
      const value = values[i] ?? Number.NaN;
      if (Number.isNaN(value) || (value === Number.NEGATIVE_INFINITY && test.isStrict)) return null;
      feature[i] = features[i] ?? 0;
      largest = Math.max(largest, features[i] ?? 0);
      threshold[i] = test.isStrict ? nextBelow(value) : value;
      greater[i] = test.trueIsGreater ? trueNode : falseNode;
      other[i] = test.trueIsGreater ? falseNode : trueNode;
      // NaN fails every comparison, so it goes to the false node unless the node is marked otherwise.
      nanGreater[i] = (nanTrue[i] !== 0) === test.trueIsGreater ? 1 : 0;
    }
  if (largest >= maxFeatures) return null;
  const ranges = [...byId.values()];
  return { features: largest + 1, feature, threshold, greater, other, nanGreater, ranges, byId };
}

interface Test {
  /**
   * Whether the comparison is true for values greater than the threshold, or than the number just below it.
   */
  readonly trueIsGreater: boolean;
  /** Implemented with the next smaller number: `x < t` is `not x > below(t)`, `x >= t` is `x > below(t)`. */
  readonly isStrict: boolean;
}

const tests: ReadonlyMap<string, Test | "leaf"> = new Map<string, Test | "leaf">([
  ["LEAF", "leaf"],
  ["BRANCH_LEQ", { trueIsGreater: false, isStrict: false }],
  ["BRANCH_LT", { trueIsGreater: false, isStrict: true }],
  ["BRANCH_GTE", { trueIsGreater: true, isStrict: true }],
  ["BRANCH_GT", { trueIsGreater: true, isStrict: false }],
]);

/** Ranges by tree id; `null` if a tree's nodes are not contiguous, or are numbered differently. */
function treeRanges(treeIds: Float64Array, nodeIds: Float64Array): ReadonlyMap<number, TreeRange> | null {
  const ranges = new Map<number, TreeRange>();
  let root = 0;
  for (let i = 0; i < treeIds.length; i++) {
    if (nodeIds[i] !== i - root) return null;
    const id = treeIds[i] ?? -1;
    if (treeIds[i + 1] === id) continue;
    if (ranges.has(id)) return null;
    ranges.set(id, { root, end: i + 1 });
    root = i + 1;
  }
  return ranges;
}

/**
 * Returns the number of steps to the deepest leaf; `null` if a node is not the child of exactly one other
 * node.
 */
function depthOf({ greater, other }: Nodes, { root, end }: TreeRange): number | null {
  const depths = new Int32Array(end - root).fill(-1);
  depths[0] = 0;
  let deepest = 0;
  for (let i = root; i < end; i++) {
    const depth = depths[i - root] ?? -1;
    if (depth < 0) return null;
    deepest = Math.max(deepest, depth);
    const [left = i, right = i] = [other[i], greater[i]];
    if (left === i) continue;
    if (left === right || depths[left - root] !== -1 || depths[right - root] !== -1) return null;
    depths[left - root] = depth + 1;
    depths[right - root] = depth + 1;
  }
  return deepest;
}

interface Scores {
  /** Sorted by node, then by target. */
  readonly weight: Float32Array;
  readonly target: Int32Array;
  readonly firstScore: Int32Array;
  /** Scores of a node. */
  readonly count: Int32Array;
}

function readScores(node: NodeProto, kind: "class" | "target", { byId, feature }: Nodes): Scores | null {
  const trees = numbersOf(node, `${kind}_treeids`);
  const ids = numbersOf(node, `${kind}_nodeids`);
  const targets = numbersOf(node, `${kind}_ids`);
  const weights = numbersOf(node, `${kind}_weights`);
  if (!trees || !ids || !targets || !weights) return null;
  if ([ids, targets, weights].some(({ length }) => length !== trees.length)) return null;
  const places = new Int32Array(trees.length);
  const count = new Int32Array(feature.length);
  for (let i = 0; i < trees.length; i++) {
    const range = byId.get(trees[i] ?? -1);
    const place = range === undefined ? -1 : range.root + (ids[i] ?? 0);
    if (range === undefined || !(place < range.end)) return null;
    places[i] = place;
    count[place] = (count[place] ?? 0) + 1;
  }
  const firstScore = new Int32Array(feature.length);
  for (let i = 1; i < feature.length; i++) firstScore[i] = (firstScore[i - 1] ?? 0) + (count[i - 1] ?? 0);
  // Sorted by counting, because exporters write large forests mostly in order.
  const weight = new Float32Array(trees.length);
  const target = new Int32Array(trees.length);
  const next = firstScore.slice();
  for (let i = 0; i < trees.length; i++) {
    const place = places[i] ?? 0;
    const first = firstScore[place] ?? 0;
    let at = next[place] ?? 0;
    next[place] = at + 1;
    const own = Math.min(targets[i] ?? 0, maxTarget);
    for (; at > first && (target[at - 1] ?? 0) > own; at--) {
      target[at] = target[at - 1] ?? 0;
      weight[at] = weight[at - 1] ?? 0;
    }
    target[at] = own;
    weight[at] = weights[i] ?? 0;
  }
  return { weight, target, firstScore, count };
}

/** No model has more outputs. */
const maxTarget = 2 ** 30;

/**
 * Returns the targets of a tree's leaves; `null` if leaves have different ones or none, or if some in between
 * are missing.
 */
function targetsOf(
  { greater }: Nodes,
  { target, firstScore, count }: Scores,
  { root, end }: TreeRange,
): { readonly first: number; readonly count: number } | null {
  let found: { readonly first: number; readonly count: number } | null = null;
  for (let node = root; node < end; node++) {
    const own = count[node] ?? 0;
    if (greater[node] !== node) {
      if (own > 0) return null;
      continue;
    }
    const at = firstScore[node] ?? 0;
    found ??= { first: target[at] ?? 0, count: own };
    if (own === 0 || own !== found.count) return null;
    for (let i = 0; i < own; i++) if (target[at + i] !== found.first + i) return null;
  }
  return found;
}

const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

/** The largest float32 below a finite one, or below infinity. */
function nextBelow(value: number): number {
  if (value === 0) return -(2 ** -149);
  float[0] = value;
  bits[0] = (bits[0] ?? 0) + (value > 0 ? -1 : 1);
  return float[0] ?? value;
}
