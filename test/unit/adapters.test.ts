// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, it } from "vitest";
import { describeInput, inputKind, inputKindNamed, registerInputKind } from "../../src/job/input.js";
import { outputKind, outputKindNamed, placeOf, registerOutputKind, targetOf } from "../../src/job/output.js";
import { type Partition, type StagedOutput, stagedOutput } from "../../src/job/partition.js";
import { PartitionTally } from "../../src/planning/partition-tally.js";
import { sinkAdapter, sourceAdapter } from "../../src/registry.js";
import { jobWith } from "../support/jobs.js";
import { scratch } from "../support/scratch.js";

it("a job of version 0.1, which names no kind, reads and writes files", () => {
  const { input, write } = jobWith();
  const { kind: _, ...oldInput } = input;
  const { kind: __, ...oldWrite } = write;
  expect(describeInput(oldInput as typeof input)).toBe("/data");
  expect(targetOf(oldWrite as typeof write)).toBe("/out");
  expect(placeOf(oldWrite as typeof write)).toEqual({ is: "path", path: "/out", isDirectory: true });
  expect(sinkAdapter(oldWrite as typeof write).name).toBe("files");
  expect(sourceAdapter(oldInput as typeof input).name).toBe("files");
});

it("a kind that this version does not know is refused by its name, and taken for no other", () => {
  const refused = { code: "adapter.unknown", details: { kind: "tape" } };
  const job = jobWith();
  expect(() => targetOf({ ...job.write, kind: "tape" })).toThrow(expect.objectContaining(refused));
  expect(() => describeInput({ ...job.input, kind: "tape" })).toThrow(expect.objectContaining(refused));
  expect(() => sinkAdapter({ ...job.write, kind: "tape" })).toThrow(expect.objectContaining(refused));
  expect(() => sourceAdapter({ ...job.input, kind: "tape" })).toThrow(expect.objectContaining(refused));
});

it.each([
  ["../data/x.parquet", "files"],
  ["/data/dt=*/", "files"],
  ["postgres://db.example:5432/features", "postgres"],
])("a spec's word names one adapter: %s", (word, kind) => {
  expect(inputKindNamed(word).name).toBe(kind);
  expect(outputKindNamed(word).name).toBe(kind);
});

it("a list that names a database among files is checked by the database's adapter", () => {
  const from = ["data/*.parquet", "postgres://db.example:5432/features"];
  const kind = inputKindNamed(from);
  expect(kind.name).toBe("postgres");
  expect([...kind.mistakes({ from })]).toMatchObject([
    { path: ["input", "from"], code: "spec.one-database" },
  ]);
});

it.each(["files", "postgres"])("adapter %s writes back the keys that it was made of", (kind) => {
  const connection = { template: "${DB}", baseDir: "/p", address: "postgres://db.example:5432/features" };
  const absolute = (path: string) => `/p/${path}`;
  const isFiles = kind === "files";
  const input = isFiles
    ? { from: ["data"], missing_columns: "nulls", path_columns: { month: "int64" } }
    : { from: "${DB}", table: "app.users", consistency: "materialize" };
  const output = isFiles
    ? { to: "out", mode: "append" as const, add: {} }
    : { to: "${DB}", table: "s.t", mode: "upsert" as const, key: ["id"], on_missing: "delete", add: {} };
  const place = { absolute, connection: isFiles ? null : connection };
  const read = inputKind({ kind }).parse(input, place);
  const write = outputKind({ kind }).parse(output, { ...place, inputKey: [] });
  const given = isFiles ? { ...input, from: ["/p/data"] } : input;
  expect(inputKind({ kind }).keysOf({ ...read, key: [], onEmpty: "fail" })).toEqual(given);
  const { add: _, ...keys } = isFiles ? { ...output, to: "/p/out" } : output;
  expect(outputKind({ kind }).keysOf(write)).toEqual(keys);
});

it("an address that no adapter knows is refused without its secrets", () => {
  for (const named of [inputKindNamed, outputKindNamed])
    expect(() => named("tape://user:secret@host/reel")).toThrow(
      expect.objectContaining({ code: "adapter.unknown", message: expect.not.stringContaining("secret") }),
    );
});

it("two adapters cannot have one name", () => {
  const taken = expect.objectContaining({ code: "adapter.name-taken" });
  expect(() => registerInputKind({ ...inputKind({ kind: "files" }) })).toThrow(taken);
  expect(() => registerOutputKind({ ...outputKind({ kind: "postgres" }) })).toThrow(taken);
});

it.each([
  'if (write.kind === "postgres") return;',
  'const isLocal = "files" !== input.kind;',
  'switch (kind) {\n  case "files":\n}',
])("the static check finds code that asks for a kind: %s", (planted) => {
  const folder = scratch();
  const checked = () =>
    spawnSync(process.execPath, ["scripts/check-kinds.mjs", folder], { encoding: "utf8" });
  for (const place of ["running", "sinks/postgres"]) mkdirSync(join(folder, place), { recursive: true });
  writeFileSync(join(folder, "sinks/postgres/undo.ts"), planted);
  writeFileSync(join(folder, "running/runner.ts"), "\n// Nothing is asked here.\n");
  expect(checked().status).toBe(0);
  writeFileSync(join(folder, "running/runner.ts"), `\n${planted}\n`);
  expect(checked()).toMatchObject({ status: 1, stdout: expect.stringContaining("running/runner.ts:") });
});

/** Partitions as the previous version stored them, read back from JSON. */
const file = {
  ...{ path: "/data/a.parquet", size: 10, inode: "7", mtimeNs: "99", footerSha256: "ab", rows: 300 },
  pathValues: {},
};
const slice = (rowGroup: number) => ({
  ...{ file, rowGroupStart: rowGroup, rowGroupEnd: rowGroup + 1 },
  ...{ firstRow: rowGroup * 100, rows: 100 },
});
const shares = [0, 1].map((share) => ({
  ...{ index: share, rows: 50, bytes: 1, peakBytes: 0, slices: [] },
  range: { identity: "t 1", by: { kind: "share", share, shares: 2 }, snapshot: null, copy: '"kept"' },
}));

it.each([
  {
    kind: "files",
    stored: [
      { index: 0, rows: 200, bytes: 1, peakBytes: 1, slices: [slice(0), slice(1)] },
      { index: 1, rows: 100, bytes: 1, peakBytes: 1, slices: [slice(2)] },
    ],
    inputs: "/data/a.parquet\0" + "10\0" + "7\0" + "99\0" + "ab\n",
    totals: { files: 1, partitions: 2, rows: 300, bytes: 2 },
    shown: ["a.parquet (row group 0) and 1 more slice", "a.parquet (row group 2)"],
  },
  {
    kind: "postgres",
    stored: shares,
    inputs: "t 1\n",
    totals: { files: 0, partitions: 2, rows: 100, rowsEstimated: true, bytes: 2 },
    shown: ["share 1 of 2 of the copy", "share 2 of 2 of the copy"],
  },
])("stored partitions of $kind mean what they meant: fingerprint, totals, text", (sample) => {
  const partitions: readonly Partition[] = JSON.parse(JSON.stringify(sample.stored));
  const job = jobWith();
  const tally = new PartitionTally({ input: { ...job.input, kind: sample.kind } }, () => undefined);
  for (const partition of partitions) tally.add(partition);
  expect(tally.totals).toEqual(sample.totals);
  expect(tally.inputsDigest()).toBe(createHash("sha256").update(sample.inputs).digest("hex"));
  const kind = inputKind(sample);
  expect(partitions.map((partition) => kind.describePartition(partition, (path) => basename(path)))).toEqual(
    sample.shown,
  );
});

it("a receipt keeps what was staged as the previous version stored it, and nothing else", () => {
  const counts = { rows: 2, quarantined: 0, bytes: 9 };
  const staged = { table: '"stage"."t"', rows: 2 };
  const parts = [{ path: "a.staged", partitionValues: [], rows: 2, bytes: 9, sha256: "ab" }];
  expect(stagedOutput({ ...counts, files: parts, quarantine: [] } as StagedOutput)).toStrictEqual({
    files: parts,
    quarantine: [],
  });
  expect(stagedOutput({ ...counts, files: [], quarantine: parts, staged } as StagedOutput)).toStrictEqual({
    files: [],
    quarantine: parts,
    staged,
  });
});
