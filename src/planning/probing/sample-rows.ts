/**
 * A few rows to try a model on: spread over the first rows of the input, the same ones every time. Where they are few or
 * alike, variations of their floats are added, since rows that are equal show nothing.
 */
import type { RecordBatch } from "apache-arrow";
import { doubleToHalf, halfToDouble } from "../../data/float16.js";
import type { Tensor, Tensors } from "../../data/tensor.js";
import type { MappingFiles } from "../../mapping/files/mapping-files.js";
import type { InputBinding } from "../../mapping/mapping.js";
import { createBinder } from "../../scoring/bind-inputs.js";
import { arrangeRows, joinTensorRows } from "../../scoring/tensors/arrange-rows.js";
import { allocate, type TensorBuffer } from "../../scoring/tensors/tensor-buffers.js";

export interface Sample {
  /** The batch dimension is `rows`. */
  readonly tensors: Tensors;
  readonly rows: number;
  /** How many of the rows are variations, which come last. */
  readonly varied: number;
  /** Rows of the batch that the others are, in their order. */
  readonly from: readonly number[];
}

/** Rows that are looked at to find some that can be bound. */
const maxLookedAt = 256;
/** Fewer different rows than these are filled up with variations. */
const enoughRows = 13;

/** @returns `null` where no row that was looked at can be bound */
export function sampleRows(
  inputs: readonly InputBinding[],
  batch: RecordBatch,
  files: MappingFiles | undefined,
  count: number,
): Sample | null {
  const bind = createBinder(inputs, 1, files).open(batch);
  const found: Tensors[] = [];
  const from: number[] = [];
  const known = new Set<string>();
  for (const row of spreadFirst(batch.numRows, count).slice(0, maxLookedAt)) {
    if (found.length === count) break;
    const { tensors, failures } = bind(row, row + 1);
    if (failures.size > 0) continue;
    // What binds is written over by the next row.
    const copy = arrangeRows(tensors, [0]);
    const key = keyOf(copy);
    if (known.has(key)) continue;
    known.add(key);
    found.push(copy);
    from.push(row);
  }
  const [first] = found;
  if (first === undefined) return null;
  const varied = variations(inputs, found, enoughRows - found.length);
  const rows = [...found, ...varied];
  return { tensors: joinTensorRows(rows), rows: rows.length, varied: varied.length, from };
}

/** `count` rows evenly spread, then all others in their order. */
function spreadFirst(rows: number, count: number): readonly number[] {
  const spread = new Set<number>();
  for (let place = 0; place < Math.min(rows, count); place++)
    spread.add(Math.round((place * (rows - 1)) / Math.max(1, Math.min(rows, count) - 1)));
  return [
    ...new Set([...spread, ...Array.from({ length: Math.min(rows, 4 * maxLookedAt) }, (_, row) => row)]),
  ];
}

function keyOf(tensors: Tensors): string {
  return Object.values(tensors)
    .map(({ data }) => (Array.isArray(data) ? JSON.stringify(data) : bytesKey(data as ArrayBufferView)))
    .join("|");
}

function bytesKey({ buffer, byteOffset, byteLength }: ArrayBufferView): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("latin1");
}

/** Only floats are varied: integers and texts may be places in a table of the model. */
function variations(
  inputs: readonly InputBinding[],
  rows: readonly Tensors[],
  count: number,
): readonly Tensors[] {
  const floats = inputs.filter(
    ({ kind, type }) => (kind === "columns" || kind === "list") && /^float/.test(type),
  );
  if (floats.length === 0) return [];
  const names = new Set(floats.map(({ input }) => input));
  return Array.from({ length: Math.max(0, count) }, (_, place) => {
    const row = rows[place % rows.length] ?? {};
    return Object.fromEntries(
      Object.entries(row).map(([name, tensor]) => [
        name,
        names.has(name) ? moved(tensor, place + 1) : tensor,
      ]),
    );
  });
}

function moved({ type, dims, data }: Tensor, step: number): Tensor {
  const varied = allocate(type, data.length) as { [index: number]: number };
  for (let index = 0; index < data.length; index++) {
    const cell = Number(data[index]);
    const value = type === "float16" ? halfToDouble(cell) : cell;
    const next = value * (1 + step / 8) + (((index + step) % 5) - 2) / 8;
    varied[index] = type === "float16" ? doubleToHalf(next) : next;
  }
  return { type, dims, data: varied as unknown as TensorBuffer };
}
