/**
 * Determines the roles of a classifier's outputs by following the graph from an output back to the decision
 * for a class. Only unambiguous roles are reported, because no role is better than a wrong one.
 */

import type { TensorRole } from "../../data/tensor.js";
import { decisions } from "./decisions.js";
import { type GraphIndex, isOperator, walkBack } from "./graph-index.js";
import { isShare } from "./value-range.js";
import type { ClassLabels } from "./zipmap.js";

export interface OutputRole {
  /** `null` if two outputs could have it (a model with several targets). */
  readonly role: TensorRole | null;
  /** For probabilities and scores, in the order of their last dimension. */
  readonly labels: ClassLabels | null;
}

/**
 * @param zipped class labels of removed ZipMaps, by the value they made
 * @returns by graph output; outputs that nothing is known of are absent
 */
export function outputRoles(
  index: GraphIndex,
  zipped: ReadonlyMap<string, ClassLabels>,
): ReadonlyMap<string, OutputRole> {
  const made = decisions(index);
  const roles = new Map<string, OutputRole>();
  for (const { name } of index.graph.output) {
    const copied = walkBack(index, name, "copies");
    const labels = copied.map((value) => zipped.get(value)).find((known) => known !== undefined);
    const aligned = walkBack(index, name, "aligned");
    const scored = made.findLast(({ scores }) => aligned.some((value) => scores.has(value)));
    const ofClasses = (): TensorRole => (isShare(index, name) ? "probabilities" : "scores");
    if (labels !== undefined) roles.set(name, { role: ofClasses(), labels });
    else if (made.some(({ label }) => copied.includes(label)))
      roles.set(name, { role: "label", labels: null });
    else if (scored !== undefined) roles.set(name, { role: ofClasses(), labels: scored.labels });
    else if (made.some(({ scores, unlabelled }) => isPickedFrom(index, aligned, scores, unlabelled)))
      roles.set(name, { role: ofClasses(), labels: null });
    else if (made.length > 0 && /prob/i.test(name) && !isShare(index, name))
      // A classifier's output that its export calls probabilities although its values are not bounded to [0,
      // 1].
      roles.set(name, { role: "scores", labels: null });
  }
  return withoutRivals(roles);
}

/**
 * Whether it is selected from all scores: one for a pair of classes, or one class's column, as in a binary
 * decision function.
 */
function isPickedFrom(
  index: GraphIndex,
  path: readonly string[],
  scores: ReadonlySet<string>,
  unlabelled: ReadonlySet<string>,
): boolean {
  if (path.some((value) => unlabelled.has(value))) return true;
  const node = index.producers.get(path.at(-1) ?? "");
  if (node === undefined || !picks.some(([domain, opType]) => isOperator(node, domain, opType))) return false;
  return walkBack(index, node.input[0] ?? "", "aligned").some((value) => scores.has(value));
}

const picks = [
  ["ai.onnx.ml", "ArrayFeatureExtractor"],
  ["ai.onnx", "Gather"],
  ["ai.onnx", "Slice"],
] as const;

function withoutRivals(found: ReadonlyMap<string, OutputRole>): ReadonlyMap<string, OutputRole> {
  const claims = (role: OutputRole["role"]): number =>
    [...found.values()].filter((other) => other.role === role).length;
  return new Map(
    [...found].map(([name, known]) => [name, claims(known.role) === 1 ? known : { ...known, role: null }]),
  );
}
