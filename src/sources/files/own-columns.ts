/** Columns that a file and its path both have: they become one column if all values agree. */
import type { Vector } from "apache-arrow";
import { type Column, type ColumnType, type PathType, typeName } from "../../data/column.js";
import { DataError } from "../../errors.js";
import type { FileSummary, Format } from "../../formats/format.js";
import type { ReadHandle, StoredFile } from "../../stores/store.js";
import { hiveNull, type PathValue, parsePathValue } from "./path-values.js";

/**
 * Returns the names of columns in both. Statistics show whether a file's values equal those of its path; if
 * they do not, the column is read.
 * @throws DataError `source.column-clash` if a file has another value than its path
 */
export async function sharedColumns(
  file: StoredFile,
  summary: FileSummary,
  { format, open }: { readonly format: Format; readonly open: () => Promise<ReadHandle> },
): Promise<readonly string[]> {
  const shared = summary.schema.filter(({ name }) => Object.hasOwn(file.pathValues, name));
  for (const column of shared) {
    const expected = expectedValue(file, column);
    if (agreesByStatistics(summary, column.name, expected)) continue;
    const handle = await open();
    try {
      await requireValue(file, column, expected, { format, handle, summary });
    } finally {
      await handle.close();
    }
  }
  return shared.map(({ name }) => name);
}

function valueType(type: ColumnType): ColumnType {
  return type.kind === "dictionary" ? valueType(type.value) : type;
}

const comparable: { readonly [kind in ColumnType["kind"]]?: PathType } = {
  utf8: "string",
  int: "int64",
  float: "float64",
  date: "date",
  bool: "bool",
};

function expectedValue(file: StoredFile, column: Column): PathValue {
  const type = comparable[valueType(column.type).kind];
  const text = file.pathValues[column.name] ?? hiveNull;
  const value = type === undefined ? undefined : parsePathValue(text, type);
  if (value !== undefined) return value;
  throw clash(file, column, `is ${typeName(column.type)} there, which "${text}" cannot be compared with`);
}

/** A truncated bound never equals the other bound, so equal bounds are exact. */
function agreesByStatistics({ rowGroups }: FileSummary, column: string, expected: PathValue): boolean {
  return rowGroups.every(({ rows, columns }) => {
    const facts = Object.hasOwn(columns, column) ? columns[column] : undefined;
    if (rows === 0) return true;
    if (facts === undefined || facts.nulls === null) return false;
    if (expected === null) return facts.nulls === rows;
    const text = typeof expected === "number" && !Number.isInteger(expected) ? null : String(expected);
    return facts.nulls === 0 && facts.min === text && facts.max === text;
  });
}

interface Reading {
  readonly format: Format;
  readonly handle: ReadHandle;
  readonly summary: FileSummary;
}

async function requireValue(
  file: StoredFile,
  column: Column,
  expected: PathValue,
  { format, handle, summary }: Reading,
): Promise<void> {
  const reader = await format.openReader(handle, summary);
  const { kind } = valueType(column.type);
  try {
    const batches = reader.read({
      rowGroupStart: 0,
      rowGroupEnd: summary.rowGroups.length,
      columns: [column.name],
      batchRows: 16_384,
    });
    for await (const batch of batches) {
      const values = batch.getChildAt(0);
      if (values !== null && !areAll(values, expected, kind))
        throw clash(file, column, `has other values there than in the path`);
    }
  } finally {
    await reader.close();
  }
}

function areAll(values: Vector, expected: PathValue, kind: ColumnType["kind"]): boolean {
  const wanted = comparedAs(expected, kind);
  for (let row = 0; row < values.length; row++) {
    const value = values.get(row);
    const found =
      value === null ? null : kind === "int" ? BigInt(value) : kind === "date" ? Number(value) : value;
    if (found !== wanted) return false;
  }
  return true;
}

/** Normalises values as Arrow returns them: dates in milliseconds, integers in one type. */
function comparedAs(expected: PathValue, kind: ColumnType["kind"]): PathValue | bigint {
  if (expected === null) return null;
  if (kind === "int") return BigInt(expected);
  return kind === "date" ? Date.parse(String(expected)) : expected;
}

function clash(file: StoredFile, { name }: Column, how: string): DataError {
  return new DataError(
    "source.column-clash",
    `column "${name}" is in ${file.path} and in its path (${name}=${file.pathValues[name]}): it ${how}`,
    {
      hint: "Drop the column from the file, or rename the directory.",
      details: { file: file.path, column: name },
    },
  );
}
