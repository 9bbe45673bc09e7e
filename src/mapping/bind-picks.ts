/** Decisions that are made of a row's elements: the largest one's label, and whether one reaches a threshold. */
import type { OutputMapping, ThresholdSpec } from "../job/job.js";
import { type OutputBinding, rowWidth } from "./mapping.js";
import { bindingOf, elementIndex, type ResolvedOutput } from "./output-labels.js";
import type { Problems } from "./problems.js";

export function bindPicks(
  output: ResolvedOutput,
  { argmax, threshold }: OutputMapping,
  problems: Problems,
): readonly OutputBinding[] {
  if (argmax === undefined && threshold === undefined) return [];
  if (!requireNumbers(output, argmax === undefined ? "threshold" : "argmax", problems)) return [];
  const binding = bindingOf(output);
  const largest: readonly OutputBinding[] =
    argmax === undefined ? [] : [{ ...binding, kind: "argmax", column: argmax, labels: output.labels }];
  if (argmax !== undefined) requireSeveral(output, problems);
  return [
    ...largest,
    ...Object.entries(threshold ?? {}).flatMap(([column, rule]): readonly OutputBinding[] => {
      const index = thresholdIndex(column, rule, output, problems);
      return index === null ? [] : [{ ...binding, kind: "threshold", column, index, at: rule.at }];
    }),
  ];
}

/** What is compared has to be numbers. */
export function requireNumbers({ spec }: ResolvedOutput, key: string, problems: Problems): boolean {
  if (spec.type !== "string" && spec.type !== "bool") return true;
  problems.add(
    "mapping.output-type",
    `output "${spec.name}" is ${spec.type}, and \`${key}\` compares numbers`,
    {
      hint: "use it with the output that holds the scores or probabilities",
      details: { output: spec.name },
    },
  );
  return false;
}

function requireSeveral({ spec, rowShape }: ResolvedOutput, problems: Problems): void {
  if (rowShape === null || rowWidth(rowShape) > 1) return;
  problems.add(
    "mapping.argmax",
    `output "${spec.name}" has one element a row, which is always the largest one`,
    { hint: "use `threshold: { <column>: { at: 0.5 } }`", details: { output: spec.name } },
  );
}

/** An output of one element needs no name for it. */
function thresholdIndex(
  column: string,
  { label }: ThresholdSpec,
  output: ResolvedOutput,
  problems: Problems,
): number | null {
  if (label !== undefined) return elementIndex(label, output, problems);
  const { spec, rowShape } = output;
  if (rowShape === null || rowWidth(rowShape) === 1) return 0;
  problems.add(
    "mapping.threshold",
    `outputs: "${spec.name}" has ${rowWidth(rowShape)} elements a row, and the threshold "${column}" does not say of which`,
    {
      hint: `name a class: \`${column}: { label: "${output.labels?.at(-1) ?? 0}", at: … }\``,
      details: { output: spec.name, column },
    },
  );
  return null;
}
