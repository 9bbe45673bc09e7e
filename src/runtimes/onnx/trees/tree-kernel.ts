/** The kernel and its memory: an ensemble laid out once, then blocks of rows scored against it. */
import type { Ensemble } from "./ensemble.js";
import { kernelBase64, lanes } from "./kernel-bytes.js";
import type { TreeModel } from "./tree-model.js";

/** Rows that go through all trees together: a tree stays in the first cache meanwhile, and so do they. */
export const blockRows = 64;

export interface TreeKernel {
  /**
   * Sums of the scores of rows `[start, end)` of a row-major matrix, at most {@link blockRows} of them.
   * @returns [rows, sums] without base values; valid until the next call
   */
  score(matrix: Float32Array, start: number, end: number): Float64Array;
}

/** The part of WebAssembly that is used here: Node's types leave it to a browser's. */
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

/** Compiled once a process or thread, in a millisecond. */
let compiled: object | null = null;

const pageBytes = 65_536;
const nodeBytes = 16;
const entryBytes = 16;

/** @param features values a row: the width of the matrix */
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
      // What lies behind the last row of a short block is scored as well, for nobody.
      const rowsEnd = places.rows + Math.ceil((end - start) / lanes) * lanes * rowBytes;
      const walk = kernel.has_nan(places.rows, rowsEnd) === 1 ? kernel.score_nan : kernel.score;
      walk(places.rows, rowBytes, rowsEnd, places.table, tableEnd, places.sums, sumBytes, places.nanRight);
      return results.subarray(0, (end - start) * sums);
    },
  };
}

/** Addresses in the kernel's memory. Nodes begin at 0, so that a node's number is its address over 16. */
interface Places {
  readonly nanRight: number;
  readonly table: number;
  /** Of scores of leaves that have more than one, by leaf. */
  readonly lists: ReadonlyMap<number, number>;
  readonly sums: number;
  readonly rows: number;
  readonly end: number;
}

function layOut({ feature, trees, leaves }: Ensemble, sums: number, features: number): Places {
  let end = feature.length * nodeBytes;
  const take = (bytes: number): number => {
    const start = end;
    end += Math.ceil(bytes / 16) * 16;
    return start;
  };
  const nanRight = take(feature.length);
  const table = take(trees.length * entryBytes);
  const lists = new Map<number, number>();
  for (const [leaf, scores] of leaves) if (scores.length > 1) lists.set(leaf, take(scores.byteLength));
  const sumsAt = take(blockRows * sums * Float64Array.BYTES_PER_ELEMENT);
  const rows = take(blockRows * features * Float32Array.BYTES_PER_ELEMENT);
  return { nanRight, table, lists, sums: sumsAt, rows, end };
}

function writeNodes(ensemble: Ensemble, buffer: ArrayBuffer, { nanRight, lists }: Places): void {
  const { feature, threshold, greater, other, nanGreater, leaves } = ensemble;
  const view = new DataView(buffer);
  for (let node = 0; node < feature.length; node++) {
    const at = node * nodeBytes;
    view.setInt32(at, (feature[node] ?? 0) * Float32Array.BYTES_PER_ELEMENT, true);
    view.setFloat32(at + 4, threshold[node] ?? 0, true);
    view.setInt32(at + 8, (other[node] ?? 0) * nodeBytes, true);
    view.setInt32(at + 12, (greater[node] ?? 0) * nodeBytes, true);
    view.setUint8(nanRight + node, nanGreater[node] ?? 0);
  }
  for (const [leaf, scores] of leaves) {
    const list = lists.get(leaf);
    if (list === undefined) view.setFloat32(leaf * nodeBytes + 4, scores[0] ?? 0, true);
    else {
      view.setInt32(leaf * nodeBytes + 4, list, true);
      for (const [i, score] of scores.entries())
        view.setFloat32(list + i * Float32Array.BYTES_PER_ELEMENT, score, true);
    }
  }
}

function writeTable({ trees }: Ensemble, buffer: ArrayBuffer, { table }: Places): void {
  const words = new Int32Array(buffer, table, trees.length * 4);
  for (const [i, { root, depth, targets }] of trees.entries()) {
    const [first = 0] = targets;
    const many = targets.length > 1 ? targets.length : 0;
    words.set([root * nodeBytes, depth, first * Float64Array.BYTES_PER_ELEMENT, many], i * 4);
  }
}
