/** Apache Parquet: footers by our own reader, pages by parquet-wasm. */
import { columnOf } from "../../arrow-types.js";
import type { FileSummary, Format } from "../../format.js";
import type { ReadHandle } from "../../store.js";
import { decodedFields } from "./decoder.js";
import { readFooter } from "./footer.js";
import { joinFiles } from "./join.js";
import { createReader, type ParquetFile } from "./reader.js";
import { summarize } from "./summary.js";
import { createParquetWriter, startEncoder } from "./writer.js";

export function parquetFormat(): Format {
  // A file is usually opened right after it was inspected: its footer need not be read twice.
  const opened = new WeakMap<FileSummary, ParquetFile>();
  return {
    name: "parquet",
    warm: startEncoder,
    async inspect(handle) {
      const file = await open(handle);
      const summary = summarize(file.footer, file.fields.map(columnOf));
      opened.set(summary, file);
      return summary;
    },
    async openReader(handle, summary) {
      const known = opened.get(summary);
      return createReader(known === undefined ? await open(handle) : { ...known, handle });
    },
    async createWriter(schema, profile) {
      return createParquetWriter(schema, profile);
    },
    join: joinFiles,
  };
}

async function open(handle: ReadHandle): Promise<ParquetFile> {
  const footer = await readFooter(handle);
  return { handle, footer, fields: decodedFields(handle.path, footer) };
}
