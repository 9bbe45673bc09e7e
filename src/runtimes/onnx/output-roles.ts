/**
 * What a classifier's outputs mean, found by walking back from an output to where the class was decided. Only what the
 * graph says without doubt is told: no role is better than a wrong one.
 */
import { decisions } from "./decisions.js";
import { type GraphIndex, walkBack } from "./graph-index.js";
import type { ClassLabels } from "./zipmap.js";

export interface OutputRole {
  /** `null` where two outputs could claim it (a model of several targets). */
  readonly role: "label" | "probabilities" | null;
  /** Known for probabilities, in the order of their last dimension. */
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
    if (labels !== undefined) roles.set(name, { role: "probabilities", labels });
    else if (made.some(({ label }) => copied.includes(label)))
      roles.set(name, { role: "label", labels: null });
    else if (scored !== undefined) roles.set(name, { role: "probabilities", labels: scored.labels });
  }
  return withoutRivals(roles);
}

function withoutRivals(found: ReadonlyMap<string, OutputRole>): ReadonlyMap<string, OutputRole> {
  const claims = (role: OutputRole["role"]): number =>
    [...found.values()].filter((other) => other.role === role).length;
  return new Map(
    [...found].map(([name, known]) => [name, claims(known.role) === 1 ? known : { ...known, role: null }]),
  );
}
