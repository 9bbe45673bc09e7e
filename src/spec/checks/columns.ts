/** Columns of the output: each name once, and those to partition by among them. */

import type { SpecPath } from "../../job/spec-problem.js";
import { wrong } from "../../job/spec-problem.js";
import { closest } from "../../text/closest-word.js";
import { didYouMean } from "../did-you-mean.js";
import type { JobSpec } from "../schema.js";
import { asList, type Check, itemPath } from "./check.js";

const outputColumns: readonly SpecPath[] = [["input", "key"], ["passthrough"], ["outputs"], ["write", "add"]];

export const repeatedInList: Check = {
  reads: [["input", "key"], ["passthrough"], ["write", "partition_by"], ["providers"], ["input", "from"]],
  *problems({ spec }) {
    const lists: readonly (readonly [SpecPath, string | readonly string[] | undefined])[] = [
      [["input", "from"], spec.input.from],
      [["input", "key"], spec.input.key],
      [["passthrough"], Array.isArray(spec.passthrough) ? spec.passthrough : undefined],
      [["write", "partition_by"], spec.write.partition_by],
      [["providers"], spec.providers],
    ];
    for (const [path, list] of lists) {
      const items = asList(list);
      for (const [index, item] of items.entries())
        if (items.indexOf(item) < index)
          yield wrong([...path, index], "spec.repeated", `\`${item}\` is in this list twice`, "remove one");
    }
  },
};

export const clashingColumns: Check = {
  reads: outputColumns,
  *problems({ spec }) {
    const owners = new Map<string, string>();
    for (const { name, path, owner } of namedColumns(spec)) {
      const other = owners.get(name);
      if (other === undefined) owners.set(name, owner);
      // The key is always kept, so naming it again has no effect.
      else if (!(other === "`input.key`" && owner === "`passthrough`") && other !== owner)
        yield {
          path,
          at: owner === "`write.add`" ? "key" : "value",
          code: "spec.column-clash",
          message: `the output would have two columns \`${name}\`: ${other} has one already`,
          suggestion: "give one of them another name",
        };
    }
  },
};

export const partitionColumns: Check = {
  reads: [...outputColumns, ["write", "partition_by"]],
  *problems({ spec }) {
    // The columns that a hook adds are only known when it runs.
    if (spec.post !== undefined) return;
    // The kept columns are only known if they are listed.
    const keepsUnlisted =
      spec.passthrough === undefined
        ? spec.input.key === undefined
        : !Array.isArray(spec.passthrough) && spec.passthrough !== "none";
    if (keepsUnlisted) return;
    const names = [...namedColumns(spec)].map(({ name }) => name);
    for (const [index, column] of asList(spec.write.partition_by).entries()) {
      if (names.includes(column)) continue;
      const near = didYouMean(closest(column, names));
      yield wrong(
        ["write", "partition_by", index],
        "spec.unknown-column",
        `the output has no column \`${column}\` to partition by`,
        near ?? `add it to \`write.add\` or \`passthrough\``,
      );
    }
  },
};

interface NamedColumn {
  readonly name: string;
  readonly path: SpecPath;
  /** The part of the spec that creates the column. */
  readonly owner: string;
}

function* namedColumns(spec: JobSpec): Iterable<NamedColumn> {
  const key = spec.input.key;
  if (key !== undefined)
    for (const [index, name] of asList(key).entries())
      yield { name, path: itemPath(["input", "key"], key, index), owner: "`input.key`" };
  if (Array.isArray(spec.passthrough))
    for (const [index, name] of spec.passthrough.entries())
      yield { name, path: ["passthrough", index], owner: "`passthrough`" };
  for (const [output, mapping] of Object.entries(spec.outputs)) {
    const owner = `output \`${output}\``;
    if (mapping.column !== undefined)
      yield { name: mapping.column, path: ["outputs", output, "column"], owner };
    for (const name of Object.keys(mapping.columns ?? {}))
      yield { name, path: ["outputs", output, "columns", name], owner };
    if (mapping.argmax !== undefined)
      yield { name: mapping.argmax, path: ["outputs", output, "argmax"], owner: `\`argmax\` of ${owner}` };
    for (const name of Object.keys(mapping.threshold ?? {}))
      yield { name, path: ["outputs", output, "threshold", name], owner: `\`threshold\` of ${owner}` };
  }
  for (const name of Object.keys(spec.write.add))
    yield { name, path: ["write", "add", name], owner: "`write.add`" };
}
