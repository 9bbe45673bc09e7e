/**
 * The compiled kernel and its memory: an ensemble is laid out once, then blocks of rows are scored with it.
 */
import type { Ensemble } from "./ensemble.js";
import { kernelBase64, lanes } from "./kernel-bytes.js";
import type { TreeModel } from "./tree-model.js";

/** Number of rows that go through all trees together, so that a tree and the rows stay in the L1 cache. */
export const blockRows = 64;

export interface TreeKernel {
  /**
   * Sums of the scores of rows `[start, end)` of a row-major matrix, at most {@link blockRows} of them.
   * @returns [rows, sums] without base values; valid until the next call
   */
  score(matrix: Float32Array, start: number, end: number): Float64Array;
}

/** The part of WebAssembly that is used here; Node's types do not declare it. */
interface WebAssemblyApi {
  readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
}

const wasm = (globalThis as unknown as { readonly WebAssembly: WebAssemblyApi }).WebAssembly;

interface Exports {
  readonly score: Walk;
  readonly score_nan: Walk;
  has_nan(start: number, end: number): number;
}

type Walk = (
  rows: number,
  rowBytes: number,
  rowsEnd: number,
  table: number,
  tableEnd: number,
  sums: number,
  sumBytes: number,
  nanRight: number,
) => void;

/** Compiled once in each process or thread, which takes a millisecond. */
let compiled: object | null = null;

const pageBytes = 65_536;
const nodeBytes = 16;
const entryBytes = 16;

/** @param features number of values in a row: the width of the matrix */
export function treeKernel(
  { ensemble, sums }: Pick<TreeModel, "ensemble" | "sums">,
  features: number,
): TreeKernel {
  const places = layOut(ensemble, sums, features);
  const memory = new wasm.Memory({ initial: Math.ceil(places.end / pageBytes) });
  writeNodes(ensemble, memory.buffer, places);
  writeTable(ensemble, memory.buffer, places);
  compiled ??= new wasm.Module(Buffer.from(kernelBase64, "base64"));
  const kernel = new wasm.Instance(compiled, { host: { memory } }).exports as Exports;

  const rows = new Float32Array(memory.buffer, places.rows, blockRows * features);
  const results = new Float64Array(memory.buffer, places.sums, blockRows * sums);
  const rowBytes = features * Float32Array.BYTES_PER_ELEMENT;
  const sumBytes = sums * Float64Array.BYTES_PER_ELEMENT;
  const tableEnd = places.table + ensemble.trees.length * entryBytes;
  return {
    score(matrix, start, end) {
      rows.set(matrix.subarray(start * features, end * features));
      results.fill(0);
      // Memory after the last row of a short block is scored too, and the results are ignored.
      const rowsEnd = places.rows + Math.ceil((end - start) / lanes) * lanes * rowBytes;
      const walk = kernel.has_nan(places.rows, rowsEnd) === 1 ? kernel.score_nan : kernel.score;
      walk(places.rows, rowBytes, rowsEnd, places.table, tableEnd, places.sums, sumBytes, places.nanRight);
      return results.subarray(0, (end - start) * sums);
    },
  };
}

/**
 * Addresses in the kernel's memory. Nodes begin at 0, so that a node's number is its address divided by 16.
 */
interface Places {
  readonly nanRight: number;
  readonly table: number;
  readonly scores: number;
  readonly sums: number;
  readonly rows: number;
  readonly end: number;
}

const floatBytes = Float32Array.BYTES_PER_ELEMENT;

function layOut({ feature, trees, scores }: Ensemble, sums: number, features: number): Places {
  let end = feature.length * nodeBytes;
  const take = (bytes: number): number => {
    const start = end;
    end += Math.ceil(bytes / 16) * 16;
    return start;
  };
  return {
    nanRight: take(feature.length),
    table: take(trees.length * entryBytes),
    scores: take(scores.byteLength),
    sums: take(blockRows * sums * Float64Array.BYTES_PER_ELEMENT),
    rows: take(blockRows * features * floatBytes),
    end,
  };
}

function writeNodes(ensemble: Ensemble, buffer: ArrayBuffer, places: Places): void {
  const { feature, threshold, greater, other, nanGreater, trees, scores, firstScore } = ensemble;
  const words = new Int32Array(buffer, 0, feature.length * 4);
  const floats = new Float32Array(buffer, 0, feature.length * 4);
  for (let node = 0; node < feature.length; node++) {
    words[node * 4] = (feature[node] ?? 0) * floatBytes;
    floats[node * 4 + 1] = threshold[node] ?? 0;
    words[node * 4 + 2] = (other[node] ?? 0) * nodeBytes;
    words[node * 4 + 3] = (greater[node] ?? 0) * nodeBytes;
  }
  new Uint8Array(buffer, places.nanRight).set(nanGreater);
  new Float32Array(buffer, places.scores).set(scores);
  for (const [i, { root, targets }] of trees.entries())
    for (let node = root; node < (trees[i + 1]?.root ?? feature.length); node++) {
      if (greater[node] !== node) continue;
      const first = firstScore[node] ?? 0;
      if (targets === 1) floats[node * 4 + 1] = scores[first] ?? 0;
      else words[node * 4 + 1] = places.scores + first * floatBytes;
    }
}

function writeTable({ trees }: Ensemble, buffer: ArrayBuffer, { table }: Places): void {
  const words = new Int32Array(buffer, table, trees.length * 4);
  for (const [i, { root, depth, firstTarget, targets }] of trees.entries()) {
    const many = targets > 1 ? targets : 0;
    words.set([root * nodeBytes, depth, firstTarget * Float64Array.BYTES_PER_ELEMENT, many], i * 4);
  }
}
