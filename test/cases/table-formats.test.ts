import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { NightshiftError } from "../../src/errors.js";
import { parquetFormat } from "../../src/formats/parquet/parquet-format.js";
import { fileSource } from "../../src/sources/files/file-source.js";
import { localStore } from "../../src/stores/local/local-store.js";
import { copyOfCase } from "../support/cases.js";
import { nightshift } from "../support/nightshift.js";
import { readRows } from "../support/published-rows.js";

async function refusal(folder: string, from: string): Promise<NightshiftError | null> {
  const source = fileSource({ from: [join(folder, from)], store: localStore(), format: parquetFormat() });
  return source.schema().then(
    () => null,
    (error: unknown) => {
      if (error instanceof NightshiftError) return error;
      throw error;
    },
  );
}

const part = "fg1_0-1-1_20240101000000000.parquet";

/** A plain folder with one Parquet file, and what makes it a table. */
function table(files: readonly string[], data = "data/k=1/a.parquet"): string {
  const folder = copyOfCase("hudi-versions");
  const root = join(folder, "lake/t");
  for (const file of [data, ...files]) mkdirSync(dirname(join(root, file)), { recursive: true });
  cpSync(join(folder, "tbl", part), join(root, data));
  for (const file of files) writeFileSync(join(root, file), "");
  return folder;
}

describe("files of a table format", () => {
  it("are refused with exit 2, nothing published", async () => {
    for (const [name, format] of [
      ["hudi-versions", "hudi"],
      ["iceberg-root", "iceberg"],
      ["delta-overwritten", "delta"],
    ]) {
      const folder = copyOfCase(name ?? "");
      const score = ["score", "model.onnx", "tbl", "-o", "out.parquet", "--key", "id"];
      const refused = nightshift(folder, ...score, "--json");
      expect([refused.status, JSON.parse(refused.stderr)]).toMatchObject([
        2,
        { error: { code: "source.table-format", details: { format, root: join(folder, "tbl") } } },
      ]);
      expect(await refusal(folder, "tbl")).toMatchObject({ code: "source.table-format" });
    }
  });

  it("are read where the author says that they are live", async () => {
    const folder = copyOfCase("hudi-versions");
    const newest = "tbl/fg1_0-2-2_20240102000000000.parquet";
    const score = ["score", "model.onnx", newest, "-o", "out.parquet", "--key", "id", "--plain-files"];
    expect(nightshift(folder, ...score)).toMatchObject({ status: 0 });
    expect(await readRows(join(folder, "out.parquet"))).toMatchObject([
      { id: 1n, x_out: 11 },
      { id: 2n, x_out: 22 },
    ]);
  });

  it.each([
    ["hudi", [".hoodie/hoodie.properties"]],
    ["hudi", ["data/k=1/.hoodie_partition_metadata"]],
    ["iceberg", ["metadata/00000-0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f.metadata.json"]],
    ["iceberg", ["metadata/version-hint.text"]],
    ["paimon", ["manifest/manifest-list-0a1b2c3d-0"]],
    ["spark-sink", ["_spark_metadata/0"]],
    ["lance", ["_versions/1.manifest"]],
    ["mergetree", ["data/k=1/checksums.txt", "data/k=1/columns.txt", "data/k=1/count.txt"]],
  ])("%s: the root, a partition, a glob and one file", async (format, files) => {
    const folder = table(files);
    for (const from of [
      "lake",
      "lake/t",
      "lake/t/data/k=1",
      "lake/t/data/*/*.parquet",
      "lake/t/data/k=1/a.parquet",
    ])
      expect([from, await refusal(folder, from)]).toMatchObject([
        from,
        { code: "source.table-format", details: { format } },
      ]);
  });

  it("are known by the names of their versions, and through a link into a table or out of one", async () => {
    const hive = table([], "delta_0000001_0000002_0000/000000_0");
    expect(await refusal(hive, "lake/t")).toMatchObject({ details: { format: "hive-acid" } });
    const inside = table([".hoodie/hoodie.properties"]);
    symlinkSync(join(inside, "lake/t/data"), join(inside, "linked"));
    expect(await refusal(inside, "linked")).toMatchObject({ details: { format: "hudi" } });
    symlinkSync(join(inside, "tbl", part), join(inside, "lake/t/out.parquet"));
    writeFileSync(join(inside, "tbl/.hoodie/not-a-table"), "");
    expect(await refusal(inside, "lake/t/out.parquet")).toMatchObject({ details: { format: "hudi" } });
  });

  it.each([
    [["_SUCCESS", "data/k=1/.a.parquet.crc"]],
    [["metadata/readme.json", "manifest/a.txt", "schema/schema-0"]],
    [["_delta_log/readme.txt", "_versions/1.txt"]],
    [["data/k=1/checksums.txt", "data/k=1/columns.txt"]],
  ])("are told from plain files with names like theirs: %s", async (files) => {
    expect(await refusal(table(files), "lake/t/data/**/*.parquet")).toBeNull();
  });
});
