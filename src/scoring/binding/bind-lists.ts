/**
 * Binds one list column to one tensor: in one pass while its lists are regular, row by row otherwise. Lists
 * of any length are truncated and padded if the job defines how.
 */
import { type Data, DataType, makeData, Null, Precision } from "apache-arrow";
import { isNull, nullFinder } from "../../data/arrow/validity.js";
import type { TensorType } from "../../data/tensor.js";
import { BugError } from "../../errors.js";
import type { BoundColumn } from "../../mapping/mapping.js";
import { type Failure, listLengthFailure, valueFailure } from "../row-failures.js";
import { headOf, type TensorBuffer } from "../tensors/tensor-buffers.js";
import { isNested, type ListLaneOptions, nestedListLane } from "./bind-nested-lists.js";
import { constantFill } from "./constants.js";
import type { Lane } from "./fill.js";
import { listStarts } from "./list-starts.js";

export function listLane(options: ListLaneOptions): Lane {
  const { data, binding, width, buffer, fill } = options;
  const { column, type, padding } = binding;
  const elements = data.children[0];
  if (elements === undefined)
    throw new BugError(
      "bug.bind",
      `column "${column.column}" is ${String(data.type)}, and a list was planned`,
    );
  if (isNested(elements)) return nestedListLane(options);
  const startOf = listStarts(data);
  const nullLists = nullFinder(data);
  const view = nullFinder(elements) === null ? viewable(elements, column, type) : null;
  const fillElements = fill(elements, column);
  const fillNulls = fill(makeData({ type: new Null(), length: width }), column);
  const { keep } = padding ?? { keep: null };
  const pad = padding === null ? null : constantFill(buffer, type, padding.value);

  return (start, rows, onFailure) => {
    const first = startOf(start);
    if (isRegular(start, rows)) {
      if (view !== null) return view.subarray(first, first + rows * width);
      fillElements(first, rows * width, 0, 1, (element, fault) =>
        onFailure(Math.floor(element / width), valueFailure(fault, column, binding)),
      );
    } else for (let row = 0; row < rows; row++) fillRow(start + row, row, onFailure);
    return headOf(buffer, rows * width);
  };

  function isRegular(start: number, rows: number): boolean {
    for (let row = start; row < start + rows; row++)
      if (startOf(row + 1) - startOf(row) !== width) return false;
    let nulls = 0;
    nullLists?.(start, rows, () => nulls++);
    return nulls === 0;
  }

  function fillRow(index: number, row: number, onFailure: (row: number, failure: Failure) => void): void {
    const length = startOf(index + 1) - startOf(index);
    if (isNull(data, index))
      fillNulls(0, width, row * width, 1, (_element, fault) =>
        onFailure(row, valueFailure(fault, column, binding)),
      );
    else if (length === width || (pad !== null && (length < width || keep !== null))) {
      const kept = Math.min(length, width);
      const first = keep === "last" ? startOf(index + 1) - kept : startOf(index);
      fillElements(first, kept, row * width, 1, (_element, fault) =>
        onFailure(row, valueFailure(fault, column, binding)),
      );
      pad?.(row * width + kept, (row + 1) * width);
    } else {
      fillNulls(0, width, row * width, 1, () => {});
      onFailure(row, listLengthFailure(column.column, length, binding.input, width, pad !== null));
    }
  }
}

/**
 * Fills 1 for each value of a list, and 0 for padding. Lists that are too long are reported with their
 * values.
 */
export function maskLane(data: Data, type: TensorType, width: number, buffer: TensorBuffer): Lane {
  const startOf = listStarts(data);
  const ones = constantFill(buffer, type, 1);
  const zeros = constantFill(buffer, type, 0);
  return (start, rows) => {
    for (let row = 0; row < rows; row++) {
      const index = start + row;
      const length = isNull(data, index) ? 0 : Math.min(startOf(index + 1) - startOf(index), width);
      ones(row * width, row * width + length);
      zeros(row * width + length, (row + 1) * width);
    }
    return headOf(buffer, rows * width);
  };
}

/** Returns the elements themselves if their bits are the tensor's values; engines refuse shared memory. */
function viewable(elements: Data, column: BoundColumn, type: TensorType): NumberBuffer | null {
  if (column.part !== null || column.map !== null || column.dtype !== null) return null;
  if (elementType(elements) !== type) return null;
  const values = elements.values as NumberBuffer;
  return values.buffer instanceof ArrayBuffer ? values : null;
}

type NumberBuffer = Exclude<TensorBuffer, string[]>;

function elementType({ type }: Data): TensorType | null {
  if (DataType.isInt(type)) return `${type.isSigned ? "int" : "uint"}${type.bitWidth}`;
  if (!DataType.isFloat(type)) return null;
  const byPrecision = {
    [Precision.HALF]: "float16",
    [Precision.SINGLE]: "float32",
    [Precision.DOUBLE]: "float64",
  };
  return byPrecision[type.precision] as TensorType;
}
