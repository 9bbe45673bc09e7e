/** Apache Parquet: footers by our own reader, pages by parquet-wasm. */
import { wasmMemory } from "parquet-wasm";
import { columnOf } from "../../arrow-types.js";
import type { Schema } from "../../column.js";
import type { Format } from "../../format.js";
import { readFooter } from "./footer.js";
import { joinFiles } from "./join.js";
import { createReader, readShape } from "./reader.js";
import { summarize } from "./summary.js";
import { type OpenFile, openWasmFile } from "./wasm-file.js";
import { createParquetWriter } from "./writer.js";

export function parquetFormat(): Format {
  return {
    name: "parquet",
    async inspect(file) {
      const footer = await readFooter(file);
      const open = await openWasmFile(file, footer);
      try {
        return summarize(footer, readSchema(file.path, open));
      } finally {
        open.file.free();
      }
    },
    async openReader(file, summary) {
      return createReader(file.path, await openWasmFile(file, await readFooter(file)), summary);
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
