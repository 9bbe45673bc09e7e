/**
 * The columns of a file as they will be decoded, which the footer alone does not determine. A column that cannot be
 * decoded does not make the file unreadable: it has the kind `other`, with the error for a job that reads it.
 */
import type { Field } from "apache-arrow";
import { readSchema, wasmMemory } from "parquet-wasm";
import { columnOf } from "../../data/arrow-types.js";
import type { Column } from "../../data/column.js";
import { withAnnotations } from "./annotations.js";
import { hintedFields, widenInt96 } from "./arrow-hint.js";
import { readCSchema, UnsupportedType } from "./c-schema.js";
import { reasonOf } from "./decoder.js";
import { columnSchemaExcerpt, schemaExcerpt } from "./excerpt.js";
import type { FileColumn, Footer } from "./footer.js";
import { corrupt } from "./footer-bytes.js";

export interface DecodedColumn {
  readonly column: Column;
  /** `null` for a column that cannot be decoded. */
  readonly field: Field | null;
}

/** @throws DataError `data.corrupt` where no column can be decoded */
export function decodedColumns(path: string, footer: Footer): readonly DecodedColumn[] {
  const whole = tryFields(schemaExcerpt(footer));
  const columns =
    "fields" in whole && whole.fields.length === footer.columns.length
      ? footer.columns.map((column, index) => decodedColumn(path, footer, column, whole.fields[index]))
      : oneByOne(path, footer);
  const [first] = columns;
  const isBroken = !("fields" in whole) && !(whole.error instanceof UnsupportedType);
  if (isBroken && first !== undefined && columns.every(({ field }) => field === null))
    throw corrupt(path, reasonOf(whole.error), whole.error);
  return columns;
}

function oneByOne(path: string, footer: Footer): readonly DecodedColumn[] {
  const hinted = new Map((hintedFields(footer) ?? []).map((field) => [field.name, field]));
  return footer.columns.map((column) => {
    if (footer.encrypted.has(column.name)) return decodedColumn(path, footer, column, undefined);
    const hint = hinted.get(column.name) ?? null;
    const tried = tryFields(columnSchemaExcerpt(footer, column, hint));
    if ("fields" in tried) return decodedColumn(path, footer, column, tried.fields[0]);
    const type = hint === null ? typeOf(tried.error) : String(hint.type);
    return unreadable(column.name, type, {
      code: "data.unsupported",
      message: `column "${column.name}" of ${path} is ${type}, which cannot be read`,
      hint: "Write the column as another type, or leave it out of what the job reads.",
      details: { file: path, column: column.name },
    });
  });
}

type Tried = { readonly fields: readonly Field[] } | { readonly error: unknown };

function tryFields(excerpt: Uint8Array): Tried {
  try {
    const ffi = readSchema(excerpt).intoFFI();
    try {
      const { children } = readCSchema(wasmMemory().buffer, ffi.addr());
      return { fields: children.map((child) => child.field) };
    } finally {
      ffi.free();
    }
  } catch (error) {
    return { error };
  }
}

function decodedColumn(
  path: string,
  footer: Footer,
  column: FileColumn,
  field: Field | undefined,
): DecodedColumn {
  const { name } = column;
  if (field === undefined || footer.encrypted.has(name))
    return unreadable(name, "encrypted", {
      code: "data.unsupported",
      message: `column "${name}" of ${path} is encrypted, which cannot be read`,
      hint: "Write the file without encrypting the column, or leave it out of what the job reads.",
      details: { file: path, column: name },
    });
  const widened = widenInt96(footer, column, field);
  const leaves = footer.leaves.slice(column.leafStart, column.leafEnd);
  return { column: withAnnotations(columnOf(widened), leaves), field: widened };
}

function unreadable(
  name: string,
  type: string,
  problem: NonNullable<Extract<Column["type"], { readonly kind: "other" }>["problem"]>,
): DecodedColumn {
  return { column: { name, type: { kind: "other", name: type, problem }, nullable: true }, field: null };
}

function typeOf(error: unknown): string {
  return error instanceof UnsupportedType
    ? `of Arrow's format "${error.format}"`
    : `of a type that the decoder refuses (${reasonOf(error)})`;
}
