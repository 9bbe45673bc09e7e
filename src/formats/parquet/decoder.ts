/** parquet-wasm over excerpts: bytes in, views of its memory out. Everything here is synchronous, so that it can fail. */
import type { Field } from "apache-arrow";
import { readParquet, readSchema, type Table, wasmMemory } from "parquet-wasm";
import { DataError } from "../../errors.js";
import { widenInt96 } from "./arrow-hint.js";
import { readCSchema, UnsupportedType } from "./c-schema.js";
import { schemaExcerpt } from "./excerpt.js";
import type { Footer } from "./footer.js";
import { corrupt } from "./footer-bytes.js";

/**
 * The columns as they will be decoded, which the footer alone does not tell.
 * @throws DataError `data.corrupt`, `data.unsupported`
 */
export function decodedFields(path: string, footer: Footer): readonly Field[] {
  try {
    const ffi = readSchema(schemaExcerpt(footer)).intoFFI();
    try {
      const { children } = readCSchema(wasmMemory().buffer, ffi.addr());
      return widenInt96(
        footer,
        children.map((child) => child.field),
      );
    } finally {
      ffi.free();
    }
  } catch (error) {
    if (error instanceof UnsupportedType) throw unsupported(path, error);
    throw corrupt(path, reasonOf(error), error);
  }
}

export function decode(excerpt: Uint8Array, batchRows: number): Table {
  return readParquet(excerpt, { batchSize: batchRows });
}

function unsupported(path: string, error: UnsupportedType): DataError {
  return new DataError("data.unsupported", `${path}: ${error.message}`, {
    hint: "Write the column as another type.",
    details: { file: path, column: error.column },
    cause: error,
  });
}

/** What the decoder said, without its own prefixes. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // A trap of WebAssembly: a bug of the decoder, or its memory is used up.
  if (error.name === "RuntimeError") return `the decoder broke off (${error.message})`;
  const prefixes = /^((Parquet error|Parquet argument error|Arrow error|External): )+/;
  return error.message.replace(prefixes, "").replace(/\.?\s*$/, "");
}
