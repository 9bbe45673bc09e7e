import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { NightshiftError } from "../../src/errors.js";
import { parquetFormat } from "../../src/formats/parquet/parquet-format.js";
import type { Job } from "../../src/job/job.js";
import { fileSource } from "../../src/sources/files/file-source.js";
import { localStore } from "../../src/stores/local/local-store.js";
import { comparedWith, jobOfCase, planOf } from "../support/case-jobs.js";
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

  it("are named by inspect with each file, refused where a file is metadata", () => {
    const delta = copyOfCase("delta-overwritten");
    for (const path of ["tbl", "tbl/part-00000-a.c000.snappy.parquet", "tbl/*.parquet"]) {
      const shown = nightshift(delta, "inspect", path, "--json");
      expect([path, shown.status, shown.stderr]).toEqual([path, 0, ""]);
      const { files, warnings } = JSON.parse(shown.stdout).data;
      const table = { format: "delta", root: join(delta, "tbl") };
      for (const file of files) expect(file).toMatchObject({ table });
      expect(warnings).toHaveLength(1);
    }
    expect(nightshift(delta, "inspect", "tbl").stdout).toContain(join(delta, "tbl"));
    const iceberg = copyOfCase("iceberg-root");
    const root = nightshift(iceberg, "inspect", "tbl", "--json");
    expect([root.status, JSON.parse(root.stderr)]).toMatchObject([
      2,
      { error: { code: "source.table-format", details: { format: "iceberg" } } },
    ]);
    expect(JSON.parse(nightshift(iceberg, "inspect", "tbl/data", "--json").stdout).data).toMatchObject({
      files: [{ table: { format: "iceberg", root: join(iceberg, "tbl") } }],
    });
  });

  it("are refused by preview and init, whose --plain-files becomes plain_files of the job", () => {
    const folder = copyOfCase("hudi-versions");
    const newest = "tbl/fg1_0-2-2_20240102000000000.parquet";
    const init = (...more: string[]) =>
      nightshift(folder, "init", "--from", "model.onnx", "--input", newest, "--key", "id", "--json", ...more);
    for (const refused of [init(), nightshift(folder, "preview", "model.onnx", newest, "--json")])
      expect([refused.status, JSON.parse(refused.stderr)]).toMatchObject([
        2,
        { error: { code: "source.table-format", details: { format: "hudi", root: join(folder, "tbl") } } },
      ]);
    expect(existsSync(join(folder, "jobs"))).toBe(false);
    const written = init("--plain-files");
    expect([written.status, written.stderr]).toEqual([0, ""]);
    const spec = parse(readFileSync(JSON.parse(written.stdout).path, "utf8"));
    expect(spec.input).toMatchObject({ from: `../${newest}`, plain_files: true });
    expect(nightshift(folder, "run", "model")).toMatchObject({ status: 0 });
  });

  it("are refused as what a job reads beside its input: a check, expected predictions, ids", async () => {
    const folder = copyOfCase("hudi-versions");
    const newest = join(folder, "tbl/fg1_0-2-2_20240102000000000.parquet");
    cpSync(newest, join(folder, "in.parquet"));
    const job = jobOfCase(folder, { key: ["id"] });
    const refusal = { code: "source.table-format", details: { format: "hudi", file: newest } };
    await expect(planOf({ ...job, check: { file: newest, tolerance: 1e-5 } })).rejects.toMatchObject(refusal);
    await expect(comparedWith(job, newest)).rejects.toMatchObject(refusal);
    const outputs: Job["outputs"] = {
      x_out: { topK: { k: 1, rank: false, ids: { file: newest, column: "id" } } },
    };
    await expect(planOf({ ...job, outputs })).rejects.toMatchObject(refusal);
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
  ])("are distinguished from plain files with similar names: %s", async (files) => {
    expect(await refusal(table(files), "lake/t/data/**/*.parquet")).toBeNull();
  });
});
