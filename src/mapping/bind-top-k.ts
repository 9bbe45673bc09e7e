/** The best elements of a row, under the names that a file, the model or their places give them. */
import { type ColumnType, type Schema, typeName } from "../data/column.js";
import type { OutputMapping } from "../job/job.js";
import { requireNumbers } from "./bind-picks.js";
import { valueType } from "./casts.js";
import { idsOf, type MappingFiles } from "./files/mapping-files.js";
import { type BoundColumn, type IdFile, type OutputBinding, rowWidth } from "./mapping.js";
import { bindingOf, type ResolvedOutput } from "./output-labels.js";
import type { Problems } from "./problems.js";
import { labelType } from "./resolve-columns.js";
import { findColumn, requireValue } from "./schema-columns.js";

interface Context {
  readonly schema: Schema;
  readonly files: MappingFiles;
  readonly problems: Problems;
  readonly warnings: string[];
}

export function bindTopK(
  output: ResolvedOutput,
  { topK, column }: OutputMapping,
  context: Context,
): readonly OutputBinding[] {
  if (topK === undefined || !requireNumbers(output, "top_k", context.problems)) return [];
  const { spec, rowShape, labels } = output;
  const { k, rank } = topK;
  if (rowShape !== null && rowWidth(rowShape) < k)
    context.warnings.push(
      `output "${spec.name}" has ${rowWidth(rowShape)} elements a row: lists of \`top_k: ${k}\` are no longer than that`,
    );
  const ids = topK.ids === undefined ? null : { file: topK.ids.file, column: topK.ids.column ?? null };
  const idType = ids === null ? labelType(labels) : fileIdType(ids, output, context);
  const exclude = topK.exclude === undefined ? null : excluded(topK.exclude, idType, context);
  return [
    {
      ...bindingOf(output),
      kind: "top-k",
      column: column ?? spec.name,
      k,
      rank,
      ids,
      labels: ids === null ? labels : null,
      idType,
      exclude,
    },
  ];
}

function fileIdType(
  ids: IdFile,
  { spec, rowShape }: ResolvedOutput,
  { files, problems }: Context,
): ColumnType {
  const { kind, values } = idsOf(files, ids);
  if (rowShape !== null && values.length !== rowWidth(rowShape))
    problems.add(
      "mapping.ids",
      `${ids.file} names ${values.length} elements, and output "${spec.name}" has ${rowWidth(rowShape)} a row`,
      {
        hint: "name the file that the model was exported with: one id for each element, in order",
        details: { output: spec.name, file: ids.file },
      },
    );
  return kind === "utf8" ? { kind } : { kind: "int", bits: 64, signed: true };
}

function excluded(column: string, idType: ColumnType, { schema, problems }: Context): BoundColumn | null {
  requireValue(column, schema, "exclude", problems);
  const found = findColumn(schema, column);
  if (found === null) return null;
  const list = valueType(found.type);
  const item = list.kind === "list" || list.kind === "fixed-list" ? valueType(list.item) : null;
  if (item?.kind !== idType.kind) {
    problems.add(
      "mapping.exclude",
      `exclude: column "${column}" is ${typeName(found.type)}, and the ids are ${typeName(idType)}`,
      { hint: "name a list column of ids like those that come out", details: { column } },
    );
    return null;
  }
  const rules = {
    nulls: "error",
    part: null,
    timezone: "UTC",
    lossy: false,
    dtype: null,
    map: null,
  } as const;
  return { column, path: found.path, type: found.type, ...rules };
}
