/** Apache Parquet: footers by our own reader, pages by parquet-wasm. */
import { wasmMemory } from "parquet-wasm";
import { columnOf } from "../../arrow-types.js";
import type { Schema } from "../../column.js";
import type { FileSummary, Format } from "../../format.js";
import { type Footer, readFooter } from "./footer.js";
import { joinFiles } from "./join.js";
import { createReader, readShape } from "./reader.js";
import { summarize } from "./summary.js";
import { type OpenFile, openWasmFile } from "./wasm-file.js";
import { createParquetWriter } from "./writer.js";

export function parquetFormat(): Format {
  // A file is usually opened right after it was inspected: its footer need not be read twice.
  const footers = new WeakMap<FileSummary, Footer>();
  return {
    name: "parquet",
    async inspect(file) {
      const footer = await readFooter(file);
      const open = await openWasmFile(file, footer);
      try {
        const summary = summarize(footer, readSchema(file.path, open));
        footers.set(summary, footer);
        return summary;
      } finally {
        open.file.free();
      }
    },
    async openReader(file, summary) {
      const footer = footers.get(summary) ?? (await readFooter(file));
      return createReader(file.path, await openWasmFile(file, footer), summary);
    },
    async createWriter(schema, profile) {
      return createParquetWriter(schema, profile);
    },
    join: joinFiles,
  };
}

/** The columns as they will be decoded, which the footer alone does not tell. */
function readSchema(path: string, open: OpenFile): Schema {
  const ffi = open.file.schema().intoFFI();
  try {
    return readShape(path, wasmMemory().buffer, ffi.addr()).children.map((child) => columnOf(child.field));
  } finally {
    ffi.free();
  }
}
