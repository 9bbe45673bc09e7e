/** A TreeEnsemble operator's attributes as trees. Whatever is unusual gives `null`: then the engine runs the model. */
import { attribute, numbersOf } from "../attributes.js";
import type { NodeProto } from "../onnx_pb.js";

/**
 * Nodes of all trees, each in one array per property. Going on is uniform: `x > threshold` leads to `greater`, anything
 * else, NaN too where `nanGreater` is 0, to `other`.
 */
export interface Ensemble {
  /** Of the largest feature that a node looks at, plus one. */
  readonly features: number;
  readonly feature: Int32Array;
  readonly threshold: Float32Array;
  /** Nodes, by index; a leaf's are the leaf itself. */
  readonly greater: Int32Array;
  readonly other: Int32Array;
  readonly nanGreater: Uint8Array;
  readonly trees: readonly Tree[];
  /** By leaf: its scores, one for each of its tree's targets in their order. */
  readonly leaves: ReadonlyMap<number, Float32Array>;
}

export interface Tree {
  readonly root: number;
  /** Steps to the deepest leaf. */
  readonly depth: number;
  /** The outputs that its leaves add to: consecutive ones, and the same for all its leaves. */
  readonly targets: readonly number[];
}

/** Larger forests stay with the engine: each thread would hold its own copy of 16 bytes a node. */
const maxNodes = 4_000_000;

/** @param outputs scores a row */
export function readEnsemble(node: NodeProto, kind: "class" | "target", outputs: number): Ensemble | null {
  const nodes = readNodes(node);
  const scores = readScores(node, kind);
  if (nodes === null || scores === null) return null;
  const leaves = new Map<number, Float32Array>();
  const trees: Tree[] = [];
  for (const [root, size] of nodes.roots) {
    const depth = depthOf(nodes, root, size);
    const targets = depth === null ? null : leafScores(nodes, scores, root, size, outputs, leaves);
    if (depth === null || targets === null) return null;
    trees.push({ root, depth, targets });
  }
  return { ...nodes, trees, leaves };
}

interface Nodes extends Omit<Ensemble, "trees" | "leaves"> {
  readonly treeIds: Float64Array;
  readonly nodeIds: Float64Array;
  /** First node and number of nodes of each tree. */
  readonly roots: readonly (readonly [root: number, size: number])[];
}

function readNodes(node: NodeProto): Nodes | null {
  const treeIds = numbersOf(node, "nodes_treeids");
  const nodeIds = numbersOf(node, "nodes_nodeids");
  const features = numbersOf(node, "nodes_featureids");
  const values = numbersOf(node, "nodes_values");
  const yes = numbersOf(node, "nodes_truenodeids");
  const no = numbersOf(node, "nodes_falsenodeids");
  if (!treeIds || !nodeIds || !features || !values || !yes || !no) return null;
  const modes = attribute(node, "nodes_modes")?.strings ?? [];
  const count = treeIds.length;
  const nanTrue = numbersOf(node, "nodes_missing_value_tracks_true") ?? new Float64Array(count);
  const lists = [nodeIds, features, values, yes, no, modes, nanTrue];
  if (count === 0 || count > maxNodes || lists.some(({ length }) => length !== count)) return null;
  const roots = treeRanges(treeIds);
  const places = roots === null ? null : placesOf(treeIds, nodeIds);
  if (roots === null || places === null) return null;

  const nodes = {
    features: 0,
    feature: new Int32Array(count),
    threshold: new Float32Array(count),
    greater: new Int32Array(count),
    other: new Int32Array(count),
    nanGreater: new Uint8Array(count),
    treeIds,
    nodeIds,
    roots,
  };
  for (let i = 0; i < count; i++) {
    const test = tests.get(text.decode(modes[i]));
    if (test === undefined) return null;
    nodes.greater[i] = i;
    nodes.other[i] = i;
    if (test === "leaf") continue;
    const tree = treeIds[i] ?? -1;
    const trueNode = places.get(nodeKey(tree, yes[i] ?? -1));
    const falseNode = places.get(nodeKey(tree, no[i] ?? -1));
    const feature = features[i] ?? -1;
    const value = values[i] ?? Number.NaN;
    if (trueNode === undefined || falseNode === undefined || feature >= 2 ** 20 || Number.isNaN(value))
      return null;
    if (value === Number.NEGATIVE_INFINITY && test.isStrict) return null;
    nodes.features = Math.max(nodes.features, feature + 1);
    nodes.feature[i] = feature;
    nodes.threshold[i] = test.isStrict ? nextBelow(value) : value;
    nodes.greater[i] = test.trueIsGreater ? trueNode : falseNode;
    nodes.other[i] = test.trueIsGreater ? falseNode : trueNode;
    // NaN fails every comparison, so it goes to the false node unless the node says otherwise.
    nodes.nanGreater[i] = (nanTrue[i] !== 0) === test.trueIsGreater ? 1 : 0;
  }
  return nodes;
}

interface Test {
  /** The comparison holds for values greater than the threshold, or than the number just below it. */
  readonly trueIsGreater: boolean;
  /** Told apart by the number just below: `x < t` is `not x > below(t)`, `x >= t` is `x > below(t)`. */
  readonly isStrict: boolean;
}

const tests: ReadonlyMap<string, Test | "leaf"> = new Map<string, Test | "leaf">([
  ["LEAF", "leaf"],
  ["BRANCH_LEQ", { trueIsGreater: false, isStrict: false }],
  ["BRANCH_LT", { trueIsGreater: false, isStrict: true }],
  ["BRANCH_GTE", { trueIsGreater: true, isStrict: true }],
  ["BRANCH_GT", { trueIsGreater: true, isStrict: false }],
]);

const text = new TextDecoder();

/** First node and length of each tree; `null` where the nodes of a tree are not all together. */
function treeRanges(treeIds: Float64Array): readonly (readonly [number, number])[] | null {
  const ranges: [number, number][] = [];
  const seen = new Set<number>();
  for (let start = 0, i = 1; i <= treeIds.length; i++) {
    if (treeIds[i] === treeIds[start]) continue;
    if (seen.has(treeIds[start] ?? -1)) return null;
    seen.add(treeIds[start] ?? -1);
    ranges.push([start, i - start]);
    start = i;
  }
  return ranges;
}

/** Node by tree and id; `null` where two claim the same, or where ids are none. */
function placesOf(treeIds: Float64Array, nodeIds: Float64Array): ReadonlyMap<number, number> | null {
  const places = new Map<number, number>();
  for (let i = 0; i < treeIds.length; i++) {
    const [tree = -1, id = -1] = [treeIds[i], nodeIds[i]];
    if (tree >= maxIds || id >= maxIds) return null;
    places.set(nodeKey(tree, id), i);
  }
  return places.size === treeIds.length ? places : null;
}

/** Ids below it are told apart exactly by {@link nodeKey}. */
const maxIds = 2 ** 26;

function nodeKey(tree: number, id: number): number {
  return id < maxIds ? tree * maxIds + id : -1;
}

/** Steps to the deepest leaf; `null` where a node is met twice, or belongs to no tree that begins at the root. */
function depthOf({ greater, other }: Nodes, root: number, size: number): number | null {
  let level = [root];
  let met = 0;
  for (let depth = 0; ; depth++) {
    const next: number[] = [];
    met += level.length;
    if (met > size) return null;
    for (const node of level) {
      const [left = node, right = node] = [other[node], greater[node]];
      if (left === node && right === node) continue;
      if (left === node || right === node) return null;
      next.push(left, right);
    }
    if (next.length === 0) return met === size ? depth : null;
    level = next;
  }
}

interface Scores {
  /** By tree and node: entries of the other two. */
  readonly entries: ReadonlyMap<number, readonly number[]>;
  readonly target: Float64Array;
  readonly weight: Float64Array;
}

function readScores(node: NodeProto, kind: "class" | "target"): Scores | null {
  const trees = numbersOf(node, `${kind}_treeids`);
  const ids = numbersOf(node, `${kind}_nodeids`);
  const target = numbersOf(node, `${kind}_ids`);
  const weight = numbersOf(node, `${kind}_weights`);
  if (!trees || !ids || !target || !weight) return null;
  if ([ids, target, weight].some(({ length }) => length !== trees.length)) return null;
  const entries = new Map<number, number[]>();
  for (let i = 0; i < trees.length; i++) {
    const [tree = -1, id = -1] = [trees[i], ids[i]];
    if (tree >= maxIds || id >= maxIds) return null;
    const key = nodeKey(tree, id);
    const known = entries.get(key);
    if (known === undefined) entries.set(key, [i]);
    else known.push(i);
  }
  return { entries, target, weight };
}

/** Keeps the scores of a tree's leaves and returns its targets; `null` where leaves have different ones. */
function leafScores(
  { greater, treeIds, nodeIds }: Nodes,
  { entries, target, weight }: Scores,
  root: number,
  size: number,
  outputs: number,
  leaves: Map<number, Float32Array>,
): readonly number[] | null {
  let targets: readonly number[] | null = null;
  for (let node = root; node < root + size; node++) {
    const own = entries.get(nodeKey(treeIds[node] ?? -1, nodeIds[node] ?? -1)) ?? [];
    if (greater[node] !== node) {
      if (own.length > 0) return null;
      continue;
    }
    const sorted = [...own].sort((a, b) => (target[a] ?? 0) - (target[b] ?? 0));
    const mine = sorted.map((entry) => target[entry] ?? -1);
    if (mine.length === 0 || mine.some((id, i) => id >= outputs || id !== (mine[0] ?? 0) + i)) return null;
    targets ??= mine;
    if (mine.length !== targets.length || mine.some((id, i) => id !== targets?.[i])) return null;
    leaves.set(
      node,
      Float32Array.from(sorted, (entry) => weight[entry] ?? 0),
    );
  }
  return targets;
}

/** The largest float32 below a finite one, or below infinity. */
function nextBelow(value: number): number {
  const float = new Float32Array([value]);
  const bits = new Int32Array(float.buffer);
  if (value === 0) return -(2 ** -149);
  bits[0] = (bits[0] ?? 0) + (value > 0 ? -1 : 1);
  return float[0] ?? value;
}
