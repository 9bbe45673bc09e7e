/** Finds the list lengths in the first rows, if neither the model nor the column's type defines them. */
import type { Data, RecordBatch } from "apache-arrow";
import { boundData } from "../data/arrow/columns.js";
import { isNull } from "../data/arrow/validity.js";
import { SpecError } from "../errors.js";
import type { Mapping } from "../mapping/mapping.js";
import type { MappingOptions } from "../mapping/resolve-mapping.js";
import { textInputs } from "../mapping/text-inputs.js";
import { yamlWord } from "../mapping/yaml-word.js";
import { counted } from "../text/human.js";
import { isNested } from "./binding/bind-nested-lists.js";
import { listStarts } from "./binding/list-starts.js";

export interface SeenLists {
  readonly input: string;
  readonly column: string;
  readonly shortest: number;
  readonly longest: number;
}

/**
 * Returns lengths by column, counting values of nested lists; columns with only empty or null lists are
 * omitted.
 */
export function seenLists(mapping: Mapping, batch: RecordBatch): readonly SeenLists[] {
  return mapping.inputs.flatMap((binding) => {
    if (binding.kind !== "list" || binding.rowShape !== null) return [];
    const data = boundData(batch, binding.column);
    let [shortest, longest] = [Number.POSITIVE_INFINITY, 0];
    for (let row = 0; row < data.length; row++) {
      if (isNull(data, row)) continue;
      const values = valuesIn(data, row);
      // A row without values says nothing about the others, and fails by itself.
      if (values === 0) continue;
      shortest = Math.min(shortest, values);
      longest = Math.max(longest, values);
    }
    return longest === 0 ? [] : [{ input: binding.input, column: binding.column.column, shortest, longest }];
  });
}

/** Returns the number of values of one list, including those of nested lists. */
function valuesIn(lists: Data, row: number): number {
  const startOf = listStarts(lists);
  let [from, to] = [startOf(row), startOf(row + 1)];
  for (let inner = lists.children[0]; inner !== undefined && isNested(inner); inner = inner.children[0]) {
    const innerStart = listStarts(inner);
    [from, to] = [innerStart(from), innerStart(to)];
  }
  return to - from;
}

/** @throws SpecError `mapping.list-lengths`, with the longest list found */
export function refuseSeveralLengths(
  seen: readonly SeenLists[],
  { signature }: MappingOptions,
  rows: number,
): void {
  const ragged = seen.filter(({ shortest, longest }) => shortest < longest);
  const roles = textInputs(signature.inputs);
  const first = ragged.find(({ input }) => input === roles?.tokens.name) ?? ragged[0];
  if (first === undefined) return;
  const { input, column, shortest, longest } = first;
  const padded = (list: SeenLists, mask: string): string =>
    `  ${yamlWord(list.input)}: { list: ${yamlWord(list.column)}, pad_to: ${list.longest}${mask} }`;
  const block =
    roles === null || input !== roles.tokens.name
      ? ragged.map((list) => padded(list, ""))
      : [
          padded(first, roles.mask === null ? "" : `, mask: ${yamlWord(roles.mask.name)}`),
          ...roles.segments.map(({ name }) => `  ${yamlWord(name)}: { value: 0 }`),
        ];
  throw new SpecError(
    "mapping.list-lengths",
    `the lists in column "${column}" have ${shortest} to ${longest} values in the first ${counted(rows, "row")}, and input ` +
      `"${input}" takes rows of one length`,
    {
      hint: [
        `pad them to the longest list, which is ${longest} in these rows (a longer one fails its row, or \`keep: first\` cuts it); ` +
          "or fail rows of another length with `dim`:",
        "features:",
        ...block,
      ].join("\n  "),
      details: { input, column, longest },
    },
  );
}
