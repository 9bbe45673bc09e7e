import type { MappingFiles } from "../../mapping/files/mapping-files.js";
import type { BoundColumn } from "../../mapping/mapping.js";
import type { Failure, ValueFault } from "../row-failures.js";
import type { TensorBuffer } from "../tensors/tensor-buffers.js";
import type { TextDecoderCache } from "./text-reader.js";

/**
 * Called for every value that failed, with its position among the requested values. Its cell contains a zero.
 */
export type OnFault = (index: number, fault: ValueFault) => void;

/** Writes `count` values from `start` of its column into the cells `first`, `first + stride`, … of its tensor. */
export type Fill = (start: number, count: number, first: number, stride: number, onFault: OnFault) => void;

/** Data that all fills share; one for a partition. */
export interface FillContext {
  readonly decoder: TextDecoderCache;
  readonly files: MappingFiles;
}

/** Returns the fault for a null, or `null` if nulls have a value. */
export function nullFault({ nulls }: BoundColumn): ValueFault | null {
  if (nulls === "error") return "null_value";
  return nulls === "reject" ? "null_rejected" : null;
}

/**
 * Fills a tensor from a column: binds `rows` rows from `start` of its chunk, and returns the tensor's data.
 */
export type Lane = (
  start: number,
  rows: number,
  onFailure: (row: number, failure: Failure) => void,
) => TensorBuffer;
