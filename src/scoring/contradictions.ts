/**
 * Counts rows whose label is clearly not the most probable class. A model may decide by a rule of its own (a
 * support vector machine by its votes, not by Platt's scaling), so such rows are published unchanged, and
 * counted.
 */
import type { Signature, TensorSpec, Tensors } from "../data/tensor.js";
import { createScores } from "./outputs/scores.js";

/** Smaller differences of probabilities count as a tie, because sums of float32 depend on their order. */
const tie = 1e-4;

/** Counts the contradictions among the first `rows` rows of a batch, excluding failed ones. */
export type CountContradictions = (
  outputs: Tensors,
  rows: number,
  failed: ReadonlyMap<number, unknown>,
) => number;

/** @returns `null` unless the model has exactly one label and one set of probabilities with classes */
export function contradictionCounter({ outputs }: Pick<Signature, "outputs">): CountContradictions | null {
  const label = only(outputs, "label");
  const probabilities = only(outputs, "probabilities");
  const classes = probabilities?.labels ?? [];
  if (label === null || probabilities === null || classes.length < 2) return null;
  const width = classes.length;
  const places = new Map<number | bigint | string, number>();
  for (const [place, name] of classes.entries()) {
    places.set(name, place);
    if (typeof name === "number" && Number.isInteger(name)) places.set(BigInt(name), place);
  }
  const scoresOf = createScores();
  return (tensors, rows, failed) => {
    const [labels, given] = [tensors[label.name], tensors[probabilities.name]];
    // An output that was not requested was not fetched.
    if (labels === undefined || given === undefined || given.data.length !== (given.dims[0] ?? 0) * width)
      return 0;
    const scores = scoresOf(given, rows * width);
    let found = 0;
    for (let row = 0; row < rows; row++) {
      const place = places.get(labels.data[row] ?? "");
      if (place === undefined || failed.has(row)) continue;
      const own = (scores[row * width + place] ?? 0) + tie;
      for (let element = 0; element < width; element++)
        if ((scores[row * width + element] ?? 0) > own) {
          found++;
          break;
        }
    }
    return found;
  };
}

function only(outputs: readonly TensorSpec[], role: TensorSpec["role"]): TensorSpec | null {
  const [spec, ...others] = outputs.filter((output) => output.role === role);
  return spec === undefined || others.length > 0 ? null : spec;
}
