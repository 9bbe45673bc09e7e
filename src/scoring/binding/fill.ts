import type { MappingFiles } from "../../mapping/files/mapping-files.js";
import type { BoundColumn } from "../../mapping/mapping.js";
import type { Failure, ValueFault } from "../row-failures.js";
import type { TensorBuffer } from "../tensors/tensor-buffers.js";
import type { TextDecoderCache } from "./text-reader.js";

/** Told about every value that failed, by its place among the values that were asked for. Its cell holds a zero. */
export type OnFault = (index: number, fault: ValueFault) => void;

/** Writes `count` values from `start` of its column into the cells `first`, `first + stride`, … of its tensor. */
export type Fill = (start: number, count: number, first: number, stride: number, onFault: OnFault) => void;

/** What fills share: one for a partition. */
export interface FillContext {
  readonly decoder: TextDecoderCache;
  readonly files: MappingFiles;
}

/** What a null becomes: a value, or a fault. */
export function nullFault({ nulls }: BoundColumn): ValueFault | null {
  if (nulls === "error") return "null_value";
  return nulls === "reject" ? "null_rejected" : null;
}

/** Binds `rows` rows from `start` of its chunk, and hands out the tensor's data. */
export type Lane = (
  start: number,
  rows: number,
  onFailure: (row: number, failure: Failure) => void,
) => TensorBuffer;
