import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Dictionary, Float32, Int32, Int64, Utf8, vectorFromArray } from "apache-arrow";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parquetFormat } from "../../src/formats/parquet/parquet-format.js";
import { loadFiles, pinFiles } from "../../src/mapping/files/load-files.js";
import { idKey } from "../../src/mapping/files/mapping-files.js";
import { localStore } from "../../src/stores/local/local-store.js";
import { jobWith } from "../support/jobs.js";
import { writeParquet } from "../support/parquet-rows.js";

const parts = { store: localStore(), format: parquetFormat() };
let directory: string;
const at = (name: string): string => join(directory, name);

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "nightshift-maps-"));
  writeFileSync(at("origins.json"), '{"LIS": 1}');
  const columns = {
    id: vectorFromArray([5n, 2n ** 60n, -1n], new Int64()),
    name: vectorFromArray(["a", "b", "c"], new Dictionary(new Utf8(), new Int32())),
    holed: vectorFromArray(["a", null, "c"], new Utf8()),
    score: vectorFromArray([1, 2, 3], new Float32()),
  };
  writeFileSync(at("items.parquet"), await writeParquet(columns, { rowGroupRows: 2 }));
});

afterAll(() => rmSync(directory, { recursive: true }));

function jobReading(map: string | null, ids: { readonly file: string; readonly column?: string } | null) {
  return jobWith({
    features: map === null ? null : { inputs: { x: { kind: "column", column: "o", map: { file: map } } } },
    outputs: ids === null ? {} : { y: { column: "best", topK: { k: 1, rank: false, ids } } },
  });
}

it("files are pinned by content when a run is planned, once for each role, and read again as they were", async () => {
  const job = jobReading(at("origins.json"), { file: at("items.parquet"), column: "id" });
  const { files, assets } = await pinFiles(job, parts);
  expect([...(files.categories.get(at("origins.json"))?.numbers ?? [])]).toEqual([["LIS", 1]]);
  expect(files.ids.get(idKey({ file: at("items.parquet"), column: "id" }))).toEqual({
    kind: "int64",
    values: BigInt64Array.of(5n, 2n ** 60n, -1n),
  });
  expect(assets).toMatchObject([
    { role: "categories", path: at("origins.json"), size: 10 },
    { role: "ids", path: at("items.parquet"), sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
  ]);
  expect(await loadFiles(job, assets, parts)).toEqual(files);
});

it.each(['{"LIS": 2}', '{"LIS": 10}'])("a file that holds %s by then is not read", async (text) => {
  writeFileSync(at("moving.json"), '{"LIS": 1}');
  const job = jobReading(at("moving.json"), null);
  const { assets } = await pinFiles(job, parts);
  writeFileSync(at("moving.json"), text);
  await expect(loadFiles(job, assets, parts)).rejects.toMatchObject({
    code: "mapping.file-changed",
    kind: "data",
    message: expect.stringContaining("moving.json changed after the run was planned"),
  });
});

it("text ids may come from a dictionary column", async () => {
  const { files } = await pinFiles(jobReading(null, { file: at("items.parquet"), column: "name" }), parts);
  expect([...files.ids.values()]).toEqual([{ kind: "utf8", values: ["a", "b", "c"] }]);
});

it.each([
  ["items.parquet", "holed", 'its column "holed" holds nulls'],
  ["items.parquet", "score", 'its column "score" is float32; ids are integers or text'],
  ["items.parquet", "ids", 'it has no column "ids", but id, name, holed, score'],
  ["broken.json", undefined, "it is not JSON"],
  ["latin1.csv", undefined, "it is not UTF-8"],
  ["items.txt", undefined, "its name ends neither in"],
  ["missing.json", undefined, "there is no file"],
])("ids of %s, column %s, are refused: %s", async (name, column, message) => {
  writeFileSync(at("broken.json"), "[1,");
  writeFileSync(at("latin1.csv"), Buffer.from([0x61, 0x0a, 0xe9]));
  writeFileSync(at("items.txt"), "a");
  const ids = { file: at(name), ...(column === undefined ? {} : { column }) };
  await expect(pinFiles(jobReading(null, ids), parts)).rejects.toMatchObject({
    kind: "spec",
    message: expect.stringMatching(new RegExp(`${name}.*`)),
  });
  await expect(pinFiles(jobReading(null, ids), parts)).rejects.toThrow(message);
});
