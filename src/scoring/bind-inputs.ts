/**
 * Binds rows of a chunk to the model's input tensors. Buffers are created once for a partition and refilled
 * for every batch. A list column that already has the tensor's layout is passed as a view.
 */
import type { Data, RecordBatch } from "apache-arrow";
import { boundData } from "../data/arrow/columns.js";
import type { Tensor, Tensors } from "../data/tensor.js";
import { BugError } from "../errors.js";
import { type MappingFiles, noFiles } from "../mapping/files/mapping-files.js";
import { type BoundColumn, type InputBinding, rowWidth } from "../mapping/mapping.js";
import { listLane, maskLane } from "./binding/bind-lists.js";
import { constantLane } from "./binding/constants.js";
import type { Fill, FillContext, Lane } from "./binding/fill.js";
import { fillNumbers } from "./binding/fill-numbers.js";
import { fillStrings } from "./binding/fill-strings.js";
import { createTextDecoderCache } from "./binding/text-reader.js";
import { type Failure, type ValueFault, valueFailure } from "./row-failures.js";
import { allocate, headOf, type TensorBuffer } from "./tensors/tensor-buffers.js";

export interface Binder {
  /** Prepares a chunk; the returned function binds its rows `[start, end)`, at most `maxRows` at a time. */
  open(batch: RecordBatch): (start: number, end: number) => BoundRows;
}

export interface BoundRows {
  /** Valid until the next rows are bound. Dimension 0 is `end - start`, including failed rows. */
  readonly tensors: Tensors;
  /**
   * The first fault of each failed row, by its position among these rows. Their cells contain zeros and empty
   * texts.
   */
  readonly failures: ReadonlyMap<number, Failure>;
}

/** @param maxRows number of rows of the largest batch */
export function createBinder(
  inputs: readonly InputBinding[],
  maxRows: number,
  files: MappingFiles = noFiles,
): Binder {
  const context = { decoder: createTextDecoderCache(), files };
  const sized = inputs.map((binding) => {
    const rowShape = settledShape(binding);
    return { binding, rowShape, buffer: allocate(binding.type, maxRows * rowWidth(rowShape)) };
  });
  return {
    open(batch) {
      const lanes = sized.map(({ binding, rowShape, buffer }) => ({
        binding,
        rowShape,
        bind: openLane({ binding, width: rowWidth(rowShape), buffer, batch, context }),
      }));
      return (start, end) => {
        const rows = end - start;
        const failures = new Map<number, Failure>();
        const onFailure = (row: number, failure: Failure) => {
          if (!failures.has(row)) failures.set(row, failure);
        };
        const tensors: Record<string, Tensor> = Object.create(null);
        for (const { binding, rowShape, bind } of lanes)
          tensors[binding.input] = {
            type: binding.type,
            dims: [rows, ...rowShape],
            data: bind(start, rows, onFailure),
          };
        return { tensors, failures };
      };
    },
  };
}

interface LaneParts {
  readonly binding: InputBinding;
  readonly width: number;
  readonly buffer: TensorBuffer;
  readonly batch: RecordBatch;
  readonly context: FillContext;
}

function openLane({ binding, width, buffer, batch, context }: LaneParts): Lane {
  const fill = (data: Data, column: BoundColumn) =>
    Array.isArray(buffer)
      ? fillStrings(data, column, buffer, context.decoder)
      : fillNumbers(data, column, binding.type, buffer, context);
  switch (binding.kind) {
    case "list":
      return listLane({ data: boundData(batch, binding.column), binding, width, buffer, fill });
    case "mask":
      return maskLane(boundData(batch, binding.column), binding.type, width, buffer);
    case "constant":
      return constantLane(binding, width, buffer);
    case "columns":
      return columnsLane(binding, batch, buffer, fill);
  }
}

/** Fills one column after the other, with the tensor's width as the stride. */
function columnsLane(
  binding: InputBinding & { readonly kind: "columns" },
  batch: RecordBatch,
  buffer: TensorBuffer,
  fill: (data: Data, column: BoundColumn) => Fill,
): Lane {
  const fills = binding.columns.map((column) => ({
    column,
    fill: fill(boundData(batch, column), column),
  }));
  return (start, rows, onFailure) => {
    for (const [position, { column, fill }] of fills.entries())
      fill(start, rows, position, fills.length, (row: number, fault: ValueFault) =>
        onFailure(row, valueFailure(fault, column, binding)),
      );
    return headOf(buffer, rows * fills.length);
  };
}

function settledShape({ input, rowShape }: InputBinding): readonly number[] {
  if (rowShape === null)
    throw new BugError("bug.unsettled", `the shape of input "${input}" was never settled`);
  return rowShape;
}
