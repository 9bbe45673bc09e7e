/** The shapes behind the batch dimension: what a signature fixes, what it leaves open, and how counts close it. */

import type { Dimension, TensorSpec } from "../data/tensor.js";
import { rowWidth } from "./mapping.js";

/** Sizes of symbolic dimensions, by name, learned from the inputs: several tensors may share one. */
export type Symbols = Map<string, number>;

/**
 * The dimensions behind the batch, with what is not really a size taken out: exporters write 0, -1, `?` or `None` for
 * "any", some under the batch's own name. `null` where the rank itself is unknown.
 */
export function rowDimensions(spec: TensorSpec): readonly Dimension[] | null {
  if (spec.shape === null) return null;
  const batch = spec.shape[0];
  return spec.shape.slice(1).map((dimension) => {
    if (typeof dimension === "number") return dimension > 0 ? dimension : null;
    return dimension === batch || dimension === "" || dimension === "?" || dimension === "None"
      ? null
      : dimension;
  });
}

/** The row's shape where signature and symbols fix it altogether, else `null`. */
export function fixedRowShape(
  dimensions: readonly Dimension[] | null,
  symbols: Symbols,
): readonly number[] | null {
  if (dimensions === null) return null;
  const sizes = dimensions.map((dimension) =>
    typeof dimension === "string" ? (symbols.get(dimension) ?? null) : dimension,
  );
  return sizes.every((size) => size !== null) ? sizes : null;
}

/**
 * The row's shape for `count` values a row: fixed dimensions must divide the count, one open dimension takes the rest.
 * `null` where the count does not fit, or where several open dimensions could share it.
 */
export function rowShapeFor(
  dimensions: readonly Dimension[] | null,
  count: number,
  symbols: Symbols,
): readonly number[] | null {
  if (dimensions === null) return [count];
  const sizes = dimensions.map((dimension) =>
    typeof dimension === "string" ? (symbols.get(dimension) ?? null) : dimension,
  );
  const known = rowWidth(sizes.filter((size) => size !== null));
  const open = sizes.filter((size) => size === null).length;
  if (open === 0) return known === count ? sizes.map((size) => size ?? 1) : null;
  if (count === 0 || count % known !== 0) return null;
  if (open === 1) return sizes.map((size) => size ?? count / known);
  return count === known ? sizes.map((size) => size ?? 1) : null;
}

/** Remembers the sizes that symbolic dimensions got; `rowShapeFor` holds later tensors to them. */
export function learnSymbols(
  dimensions: readonly Dimension[] | null,
  rowShape: readonly number[],
  symbols: Symbols,
): void {
  for (const [position, dimension] of (dimensions ?? []).entries()) {
    const size = rowShape[position];
    if (typeof dimension === "string" && size !== undefined) symbols.set(dimension, size);
  }
}

/** A tensor's shape as people write it: `float32 [N, 28]`. */
export function specName(spec: TensorSpec): string {
  if (spec.shape === null) return `${spec.type} of unknown shape`;
  const [, ...row] = spec.shape;
  const sizes = row.map((size) => (size === null || size === 0 ? "?" : String(size)));
  return `${spec.type} [${["N", ...sizes].join(", ")}]`;
}
