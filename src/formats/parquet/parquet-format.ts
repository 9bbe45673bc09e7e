/** Apache Parquet: footers by our own reader, pages by parquet-wasm. */

import type { ReadHandle } from "../../stores/store.js";
import type { FileSummary, Format } from "../format.js";
import { decodedColumns } from "./decoded-columns.js";
import { readFooter } from "./footer.js";
import { joinFiles } from "./join.js";
import { withIndexColumns } from "./pandas-index.js";
import { createReader, type ParquetFile } from "./reader.js";
import { summarize } from "./summary.js";
import { createParquetWriter, startEncoder } from "./writer.js";

interface Inspected {
  readonly file: ParquetFile;
  readonly summary: FileSummary;
}

/** An input's, and those of the output and the quarantine that are read back in between. */
const keptFooters = 4;

export function parquetFormat(): Format {
  // A file is usually opened right after it was inspected: its footer need not be read twice.
  const opened = new WeakMap<FileSummary, ParquetFile>();
  // One partition after the other comes from the same file, and the footer of a large one takes long to make sense of.
  let recent: readonly Inspected[] = [];
  function remember(latest: Inspected): void {
    recent = [latest, ...recent.filter((other) => other !== latest)].slice(0, keptFooters);
  }

  return {
    name: "parquet",
    warm: startEncoder,
    async inspect(handle) {
      const known = recent.map(({ file }) => file.footer);
      const footer = await readFooter(handle, known);
      const same = recent[known.indexOf(footer)];
      if (same !== undefined) {
        remember(same);
        return same.summary;
      }
      const file = { handle, footer, columns: decodedColumns(handle.path, footer) };
      const summary = summarize(
        footer,
        withIndexColumns(
          file.columns.map(({ column }) => column),
          footer.metadata.pandas,
        ),
      );
      opened.set(summary, file);
      remember({ file, summary });
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
  return { handle, footer, columns: decodedColumns(handle.path, footer) };
}
