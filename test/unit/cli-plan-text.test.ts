import { expect, test } from "vitest";
import { modelJob } from "../../src/cli/lookup/model-job.js";
import { makePaint } from "../../src/cli/output/paint.js";
import { planText } from "../../src/cli/output/plan-text.js";
import type { Plan } from "../../src/job/plan.js";
import { defaultWriterProfile } from "../../src/job/profile.js";
import type { BoundColumn } from "../../src/mapping/mapping.js";
import type { FilesPartition } from "../../src/sources/files/files-input.js";

const job = modelJob("m.onnx", ["data"], { to: "out", overwrite: false }, {}, "/w");

const distance: BoundColumn = {
  column: "distance",
  path: ["distance"],
  type: { kind: "int", bits: 64, signed: true },
  nulls: "nan",
  part: null,
  timezone: "UTC",
  lossy: false,
  dtype: null,
  map: null,
};
const hour: BoundColumn = { ...distance, column: "date", path: ["date"], part: "hour" };

const plan: Plan = {
  version: 1,
  job: {
    ...job,
    interval: { start: "2001-06-11T00:00:00Z", end: "2001-06-12T00:00:00Z", ds: "2001-06-11" },
  },
  fingerprint: "abcdef0123456789abcdef",
  assets: [{ role: "model", path: "/w/m.onnx", size: 4440, sha256: "0123456789abcdef" }],
  signature: { inputs: [], outputs: [], fixedBatch: null, metadata: {}, featureNames: null },
  inputSchema: [],
  hooks: [],
  mapping: {
    inputs: [{ input: "x", type: "float32", rowShape: [2], kind: "columns", columns: [distance, hour] }],
    outputs: [{ output: "label", type: "int64", rowShape: [], kind: "scalar", column: "prediction" }],
    passthrough: ["flight_id"],
    added: [{ column: "dt", type: { kind: "utf8" }, value: "2001-06-11" }],
    reads: [],
    columns: [{ name: "prediction", type: { kind: "int", bits: 64, signed: true }, nullable: false }],
    found: [],
    warnings: ["origin is not used"],
  },
  profile: {
    ...{ engine: "onnxruntime", engineVersion: "1.30.0", provider: "cpu", intraOpThreads: 1 },
    ...{ chunkRows: 65_536, batchRows: 2048, writer: defaultWriterProfile },
  },
  threads: 2,
  totals: { files: 1, partitions: 30, rows: 30_000, bytes: 480_000 },
  notes: ["the row groups are small"],
};

function partition(index: number): FilesPartition {
  const file = {
    ...{ path: "/w/data/a.parquet", size: 1, inode: "1", mtimeNs: "1", footerSha256: "" },
    ...{ rows: 30_000, pathValues: {} },
  };
  return {
    ...{ index, rows: 1000, bytes: 16_000, peakBytes: 16_000 },
    slices: [{ file, rowGroupStart: index, rowGroupEnd: index + 1, firstRow: index * 1000, rows: 1000 }],
  };
}

const partitions = Array.from({ length: 30 }, (_, index) => partition(index));
const place = { cwd: "/w", program: "nightshift", verbose: false, outlook: [] };
const options = { width: null, paint: makePaint(false) };
const nothing = { unfinished: null, published: null, decided: null, generation: 0 };

test("a plan shows what would run, from where to where, and how columns map", () => {
  const text = planText({ plan, partitions }, nothing, place, options);
  expect(text.split("\n\n").slice(0, 3).join("\n\n")).toBe(`m for 2001-06-11: would run

input        30,000 rows in 1 file, 480 kB decoded
model        m.onnx (sha256 0123456789ab)
output       out (error)
partitions   30 partitions on 2 threads
profile      onnxruntime 1.30.0 on cpu, chunks of 65,536 rows, batches of 2,048
probe        none: the model was tried on no row
fingerprint  abcdef0123456789
notes        the row groups are small

from                     to
distance, date.hour  ->  x           float32[N, 2]
label                ->  prediction  int64
flight_id            ->  flight_id   kept
"2001-06-11"         ->  dt          added`);
  expect(text).toContain(
    "\n       18  1,000  16.0 kB  data/a.parquet (row group 18)\n… and 11 more (-v shows all)",
  );
  expect(text).toContain("warning: origin is not used");
});

test("verbose shows every partition", () => {
  const text = planText({ plan, partitions }, nothing, { ...place, verbose: true }, options);
  expect(text).toContain("(row group 29)");
  expect(text).not.toContain("more (");
});

test.each([
  [
    "abcdef0123456789abcdef",
    "would be skipped, already published 2001-06-12T00:00:00Z as publication 4 (nightshift run m --at 2001-06-11 --reprocess",
  ],
  [
    "other",
    "as publication 4, from another spec, model or input than the ones here now (nightshift run m --at 2001-06-11 --reprocess",
  ],
])("says why it would be skipped: published with fingerprint %s", (fingerprint, reason) => {
  const published = {
    publication: 4,
    runId: "r1",
    generation: 1,
    fingerprint,
    at: "2001-06-12T00:00:00.000Z",
  };
  expect(planText({ plan, partitions }, { ...nothing, published }, place, options)).toContain(reason);
});
