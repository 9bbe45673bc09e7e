/** A few hundred bytes may decode to gigabytes: row groups that do not fit into memory are refused before they are decoded. */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { FileSummary } from "../../src/formats/format.js";
import { parquetFormat } from "../../src/formats/parquet/parquet-format.js";
import { childProcessHost } from "../../src/host/child-process-host.js";
import { readParquetIds } from "../../src/mapping/files/read-parquet-ids.js";
import { memoryFile } from "../support/memory-files.js";
import { nightshiftWith } from "../support/nightshift.js";
import { floats, model, modelBytes, node, types, value } from "../support/onnx-models.js";
import { inspect } from "../support/parquet-rows.js";
import { scratch } from "../support/scratch.js";
import { zerosParquet } from "../support/zeros-parquet.js";

const little = { NIGHTSHIFT_MEMORY: "1GiB" };
const many = 60_000_000;

function project(): string {
  const cwd = scratch();
  mkdirSync(join(cwd, "jobs"));
  const added = model({
    node: [node({ op: "Add", in: ["x", "zero"], out: ["y"] })],
    initializer: [floats("zero", [1], [0])],
    input: [value("x", types.FLOAT, ["N", 2])],
    output: [value("y", types.FLOAT, ["N", 2])],
  });
  writeFileSync(join(cwd, "m.onnx"), modelBytes(added));
  writeFileSync(join(cwd, "z.parquet"), zerosParquet(["a", "b"], [many]));
  writeFileSync(join(cwd, "late.parquet"), zerosParquet(["a", "b"], [20, many]));
  mkdirSync(join(cwd, "parted/a=0"), { recursive: true });
  writeFileSync(join(cwd, "parted/a=0/z.parquet"), zerosParquet(["a", "b"], [many]));
  writeFileSync(join(cwd, "jobs/hook.mjs"), "export default () => ({ columns: {} });\n");
  for (const [name, more] of [
    ["plain", ""],
    ["hooked", "pre: ./hook.mjs\n"],
    ["frugal", "limits: { memory: 150MiB }\n"],
  ])
    writeFileSync(
      join(cwd, `jobs/${name}.yaml`),
      `version: 1
name: ${name}
model: ../m.onnx
input: { from: ../z.parquet }
features: { x: { stack: [a, b] } }
${more}write: { to: ../out }
`,
    );
  return cwd;
}

const cwd = project();

test.each([
  ["preview", "m.onnx", "z.parquet", "--features", "a,b"],
  ["preview", "m.onnx", "parted", "--features", "a,b"],
  ["preview", "m.onnx", "late.parquet", "--features", "a,b", "--limit", "30"],
  ["preview", "plain"],
  ["preview", "hooked"],
  ["plan", "hooked"],
  ["validate", "hooked"],
  ["run", "hooked"],
  ["plan", "plain"],
  ["inspect", "--full", "z.parquet"],
  ["score", "m.onnx", "parted", "--features", "a,b", "-o", "scored"],
])("%s %s refuses it", (...words) => {
  const { stdout, stderr } = nightshiftWith(little, cwd, ...words, "--json");
  const said = stdout + stderr;
  expect(said).toContain('"data.row-group-too-large"');
  expect(said).toMatch(/"neededBytes":\s?(6|11)\d{8}\b/);
  expect(said).toMatch(/"memoryBytes":\s?536870912\b/);
});

test("what is before such a row group is shown, and a footer alone is no danger", () => {
  const shown = nightshiftWith(
    little,
    cwd,
    "preview",
    "m.onnx",
    "late.parquet",
    "--features",
    "a,b",
    "--json",
  );
  expect(JSON.parse(shown.stdout).rows).toHaveLength(10);
  expect(nightshiftWith(little, cwd, "inspect", "z.parquet").status).toBe(0);
});

test("the first rows of files", async () => {
  const host = childProcessHost({
    entry: fileURLToPath(new URL("../../dist/host/worker-host.js", import.meta.url)),
    threads: 1,
    hookDir: mkdtempSync(join(tmpdir(), "nightshift-hooks-")),
    environment: process.env,
    maxBytes: null,
    memoryBytes: 2 ** 29,
  });
  const rows = (file: string) => host.call("read-rows", { from: [join(cwd, file)], limit: 10 });
  await expect(rows("z.parquet")).rejects.toMatchObject({
    code: "data.row-group-too-large",
    details: { file: join(cwd, "z.parquet"), memoryBytes: 2 ** 29 },
  });
  expect((await rows("late.parquet")).rows).toHaveLength(10);
  await host.close();
});

test("ids of a mapping, over all row groups", async () => {
  const groups = Array.from({ length: 100 }, () => 10_000);
  const file = memoryFile(zerosParquet(["id"], groups, { type: "int64" }));
  await expect(readParquetIds(file, "id", parquetFormat(), 8_000_000)).rejects.toThrow(RangeError);
});

test("the estimate goes by rows if a chunk reports fewer values", async () => {
  const held = ({ rowGroups: [group] }: FileSummary) => group?.columns.a?.heldBytes;
  const honest = held(await inspect(zerosParquet(["a"], [many])));
  expect(honest).toBeGreaterThan(8 * many);
  expect(held(await inspect(zerosParquet(["a"], [many], { told: 1 })))).toBe(honest);
});

test("a job's own limit goes before the environment", () => {
  const { stdout, stderr } = nightshiftWith({}, cwd, "preview", "frugal", "--json");
  expect(stdout + stderr).toMatch(/"memoryBytes":\s?157286400\b/);
});
