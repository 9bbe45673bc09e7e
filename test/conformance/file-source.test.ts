import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Float64, Int64, Utf8, vectorFromArray } from "apache-arrow";
import { parquetFormat } from "../../src/formats/parquet/parquet-format.js";
import { fileSource } from "../../src/sources/files/file-source.js";
import { localStore } from "../../src/stores/local/local-store.js";
import { writeParquet } from "../support/parquet-rows.js";
import { sourceConformance } from "./source.js";

sourceConformance("of Parquet files", async () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "nightshift-source-")));
  let inputs = 0;
  return {
    isOrdered: true,
    async open(rows) {
      const folder = join(root, String(inputs++));
      mkdirSync(folder);
      // Two files of several row groups each.
      const cut = Math.floor(rows / 3);
      for (const [name, from, to] of [
        ["a.parquet", 0, cut],
        ["b.parquet", cut, rows],
      ] as const) {
        const ids = Array.from({ length: to - from }, (_, i) => from + i);
        const table = {
          id: vectorFromArray(ids.map(BigInt), new Int64()),
          x: vectorFromArray(
            ids.map((id) => id / 2),
            new Float64(),
          ),
          word: vectorFromArray(
            ids.map((id) => (id % 7 === 3 ? null : `w${id}`)),
            new Utf8(),
          ),
        };
        writeFileSync(join(folder, name), await writeParquet(table, { rowGroupRows: 30 }));
      }
      const source = fileSource({ from: [folder], store: localStore(), format: parquetFormat() });
      return { source, remove: async () => rmSync(join(folder, "a.parquet")) };
    },
    close: async () => rmSync(root, { recursive: true }),
  };
});
