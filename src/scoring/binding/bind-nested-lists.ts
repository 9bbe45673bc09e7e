/**
 * Binds one column of nested lists to one tensor, row-major: each level of lists is a dimension with a fixed
 * length.
 */
import { type Data, DataType, makeData, Null } from "apache-arrow";
import { isNull, nullFinder } from "../../data/arrow/validity.js";
import type { BoundColumn, InputBinding } from "../../mapping/mapping.js";
import { type Failure, nestedListFailure, valueFailure } from "../row-failures.js";
import { headOf, type TensorBuffer } from "../tensors/tensor-buffers.js";
import type { Fill, Lane } from "./fill.js";
import { listStarts } from "./list-starts.js";

export interface ListLaneOptions {
  readonly data: Data;
  readonly binding: InputBinding & { readonly kind: "list" };
  /** Number of the tensor's values in a row. */
  readonly width: number;
  readonly buffer: TensorBuffer;
  readonly fill: (data: Data, column: BoundColumn) => Fill;
}

interface Level {
  readonly data: Data;
  readonly startOf: (index: number) => number;
  /** Number of values in each list of this level. */
  readonly length: number;
  /** Number of the tensor's values that each list of this level fills. */
  readonly width: number;
}

export function isNested({ type }: Data): boolean {
  return DataType.isList(type) || DataType.isFixedSizeList(type);
}

/**
 * @param options of a column whose nesting depth equals the rank of the row's shape, not counting dimensions
 * of 1
 */
export function nestedListLane({ data, binding, width, buffer, fill }: ListLaneOptions): Lane {
  const { column } = binding;
  const { levels, elements } = levelsOf(data, binding.rowShape ?? [width], width);
  const fillElements = fill(elements, column);
  const fillNulls = fill(makeData({ type: new Null(), length: width }), column);

  return (start, rows, onFailure) => {
    const first = regularStart(start, start + rows);
    if (first !== null)
      fillElements(first, rows * width, 0, 1, (element, fault) =>
        onFailure(Math.floor(element / width), valueFailure(fault, column, binding)),
      );
    else
      for (let row = 0; row < rows; row++)
        if (!fillList(0, start + row, row * width, row, onFailure)) {
          fillNulls(0, width, row * width, 1, () => {});
          onFailure(row, nestedListFailure(column.column, binding.input, binding.rowShape ?? []));
        }
    return headOf(buffer, rows * width);
  };

  /**
   * Returns where the values of these rows begin, if all their lists have the right lengths and are
   * contiguous.
   */
  function regularStart(start: number, end: number): number | null {
    let [from, to] = [start, end];
    for (const { data: lists, startOf, length } of levels) {
      if (nullFinder(lists) !== null) return null;
      for (let index = from; index < to; index++)
        if (startOf(index + 1) - startOf(index) !== length) return null;
      [from, to] = [startOf(from), startOf(to)];
    }
    return from;
  }

  /** @returns whether all nested lists have the right lengths */
  function fillList(
    depth: number,
    index: number,
    cell: number,
    row: number,
    onFailure: (row: number, failure: Failure) => void,
  ): boolean {
    const level = levels[depth];
    if (level === undefined) return false;
    const onFault = (_: number, fault: Parameters<typeof valueFailure>[0]) =>
      onFailure(row, valueFailure(fault, column, binding));
    if (isNull(level.data, index)) {
      fillNulls(0, level.width, cell, 1, onFault);
      return true;
    }
    const first = level.startOf(index);
    if (level.startOf(index + 1) - first !== level.length) return false;
    if (depth === levels.length - 1) {
      fillElements(first, level.length, cell, 1, onFault);
      return true;
    }
    const step = level.width / level.length;
    for (let inner = 0; inner < level.length; inner++)
      if (!fillList(depth + 1, first + inner, cell + inner * step, row, onFailure)) return false;
    return true;
  }
}

function levelsOf(
  data: Data,
  rowShape: readonly number[],
  width: number,
): { readonly levels: readonly Level[]; readonly elements: Data } {
  let depth = 1;
  for (let inner = data.children[0]; inner !== undefined && isNested(inner); inner = inner.children[0])
    depth++;
  const lengths = rowShape.length === depth ? rowShape : rowShape.filter((size) => size !== 1);
  const levels: Level[] = [];
  let [lists, wide] = [data, width];
  for (const length of lengths) {
    levels.push({ data: lists, startOf: listStarts(lists), length, width: wide });
    wide /= length;
    lists = lists.children[0] ?? lists;
  }
  return { levels, elements: lists };
}
