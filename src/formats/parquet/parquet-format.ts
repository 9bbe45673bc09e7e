/** Apache Parquet: footers by our own reader, pages by parquet-wasm. */
import { columnOf } from "../../arrow-types.js";
import type { FileSummary, Format } from "../../format.js";
import { type Footer, readFooter } from "./footer.js";
import { joinFiles } from "./join.js";
import { createReader } from "./reader.js";
import { summarize } from "./summary.js";
import { openWasmFile } from "./wasm-file.js";
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
        const summary = summarize(footer, open.fields.map(columnOf));
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
