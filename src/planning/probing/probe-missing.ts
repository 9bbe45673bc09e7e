/** Tries what a model makes of a missing value: a row that it takes, with NaN in the place of one column after the other. */

import type { Tensor, Tensors } from "../../data/tensor.js";
import { ModelError } from "../../errors.js";
import { isFloatTensor } from "../../mapping/casts.js";
import type { BoundColumn, InputBinding } from "../../mapping/mapping.js";
import { rowWidth } from "../../mapping/mapping.js";
import type { Predictor } from "../../runtimes/model.js";
import { hasNan } from "../../scoring/outputs/nan-rows.js";
import { arrangeRows } from "../../scoring/tensors/arrange-rows.js";

export interface MissingProbe {
  readonly predictor: Predictor;
  readonly outputs: readonly string[];
  /** A row that the model takes. */
  readonly row: Tensors;
}

/** More columns than these are tried all at once. */
const mostTriedApart = 256;
const nan = { float32: Number.NaN, float64: Number.NaN, float16: 0x7e00 } as const;

/** Cells of an input that one column fills. */
interface Cells {
  readonly column: string;
  readonly input: string;
  readonly from: number;
  readonly to: number;
}

/**
 * @returns columns whose nulls would become NaN, and for which the model then gives NaN or fails
 */
export async function probeMissing(
  inputs: readonly InputBinding[],
  { predictor, outputs, row }: MissingProbe,
): Promise<readonly string[]> {
  const cells = inputs.flatMap(cellsOf);
  if (cells.length === 0) return [];
  const takes = async (missing: readonly Cells[]): Promise<boolean> => {
    try {
      const made = await predictor.predict(withNan(row, missing), outputs);
      return !Object.values(made).some((tensor) => hasNan(tensor, 0));
    } catch (error) {
      if (error instanceof ModelError && error.code === "model.predict-failed") return false;
      throw error;
    }
  };
  // If even this row results in NaN, the trial shows nothing.
  if (!(await takes([])) || (await takes(cells))) return [];
  if (cells.length > mostTriedApart) return [...new Set(cells.map(({ column }) => column))];
  const refused = new Set<string>();
  for (const one of cells) if (!(await takes([one]))) refused.add(one.column);
  return [...refused];
}

function cellsOf(binding: InputBinding): readonly Cells[] {
  const { kind, input, type, rowShape } = binding;
  if (!isFloatTensor(type) || rowShape === null) return [];
  const isNan = ({ nulls }: BoundColumn): boolean => nulls === "nan";
  if (kind === "list")
    return isNan(binding.column)
      ? [{ column: binding.column.column, input, from: 0, to: rowWidth(rowShape) }]
      : [];
  if (kind !== "columns") return [];
  return binding.columns.flatMap((column, place) =>
    isNan(column) ? [{ column: column.column, input, from: place, to: place + 1 }] : [],
  );
}

function withNan(row: Tensors, missing: readonly Cells[]): Tensors {
  const copy = arrangeRows(row, [0]);
  for (const { input, from, to } of missing) {
    const tensor = copy[input] as Tensor;
    const value = nan[tensor.type as keyof typeof nan];
    (tensor.data as Float32Array).fill(value, from, to);
  }
  return copy;
}
