/** Rows that make the engine end its process: they are found, and follow `on_row_error`. */
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parquetWriteFile } from "hyparquet-writer";
import { expect, it } from "vitest";
import { copyOfCase, expectedOf } from "../support/cases.js";
import { type Finished, nightshift } from "../support/nightshift.js";
import { integers, model, modelBytes, node, types, value } from "../support/onnx-models.js";
import { readRows } from "../support/published-rows.js";

const smallest = -(2n ** 63n);

function score(folder: string, ...flags: readonly string[]): Finished {
  return nightshift(
    folder,
    ...["score", "model.onnx", "in.parquet", "-o", "out.parquet", "--key", "id", ...flags],
  );
}

function reportOf({ stdout, stderr }: Finished) {
  return JSON.parse((stdout.trim() === "" ? stderr : stdout).trimEnd().split("\n").at(-1) ?? "");
}

it("crash-row: the row that crashes the engine has a null prediction, and the plan says that it does", async () => {
  const folder = copyOfCase("crash-row");
  const finished = score(folder, "--on-row-error", "emit_null");
  expect(finished.stderr).toContain("killed its host");
  expect(finished.status).toBe(0);
  const rows = await readRows(join(folder, "out.parquet"));
  expect({ y: rows.map(({ y }) => (y == null ? null : Number(y))) }).toEqual(expectedOf("crash-row"));
});

it("crash-row: under `fail` the row is named, and nothing is published", () => {
  const folder = copyOfCase("crash-row");
  const finished = score(folder, "--json");
  expect(finished.status).toBe(1);
  const { error } = reportOf(finished);
  expect(error).toMatchObject({
    code: "data.row-failed",
    details: { file: join(folder, "in.parquet"), row: 0, reason: "kills_engine" },
  });
  expect(finished.stderr).not.toContain(String(smallest));
  expect(readdirSync(folder)).not.toContain("out.parquet");
});

it("crash-row: rows in several chunks and partitions, the last row too, are quarantined", async () => {
  const folder = copyOfCase("crash-row");
  const count = 128;
  // Eight partitions of two chunks each: two rows in the chunks of one partition, and the last row of all.
  const bad = [51, 60, count - 1];
  const ids = Array.from({ length: count }, (_, id) => id);
  const input = (name: string) => value(name, types.INT64, ["N", 1]);
  const divides = model({
    node: [
      node({ op: "Div", in: ["a", "b"], out: ["ratio"] }),
      node({ op: "Add", in: ["ratio", "c"], out: ["y"] }),
    ],
    input: [input("a"), input("b"), input("c")],
    output: [input("y")],
  });
  writeFileSync(join(folder, "model.onnx"), modelBytes(divides));
  const column = (name: string, of: (id: number) => bigint) => ({
    name,
    data: ids.map(of),
    type: "INT64" as const,
  });
  parquetWriteFile({
    filename: join(folder, "in.parquet"),
    rowGroupSize: 8,
    columnData: [
      column("id", BigInt),
      column("a", (id) => (bad.includes(id) ? smallest : BigInt(id * 6))),
      column("b", (id) => (bad.includes(id) ? -1n : 3n)),
      column("c", BigInt),
    ],
  });
  const finished = score(folder, "--on-row-error", "quarantine", "--threads", "1");
  expect(finished.stderr).toContain("3 kills_engine");
  expect(finished.status).toBe(4);
  const rows = await readRows(join(folder, "out.parquet"));
  expect(rows.map(({ id, y }) => [Number(id), Number(y)])).toEqual(
    ids.filter((id) => !bad.includes(id)).map((id) => [id, id * 3]),
  );
  const quarantine = join(folder, "out.parquet.quarantine");
  const [run = ""] = readdirSync(quarantine);
  const files = readdirSync(join(quarantine, run)).filter((name) => name.endsWith(".parquet"));
  const aside = (await Promise.all(files.map((name) => readRows(join(quarantine, run, name))))).flat();
  expect(new Map(aside.map(({ id, reason }) => [Number(id), reason]))).toEqual(
    new Map(bad.map((id) => [id, "kills_engine"])),
  );
}, 240_000);

/** Twenty rows that the model divides; the rows named crash the engine. */
function writeDivisions(path: string, bad: readonly number[], more: readonly string[] = []): void {
  const ids = Array.from({ length: 20 }, (_, id) => id);
  const column = (name: string, of: (id: number) => bigint) => ({
    name,
    data: ids.map(of),
    type: "INT64" as const,
  });
  parquetWriteFile({
    filename: path,
    columnData: [
      column("id", BigInt),
      column("a", (id) => (bad.includes(id) ? smallest : BigInt(id * 6))),
      column("b", (id) => (bad.includes(id) ? -1n : 3n)),
      ...more.map((name) => column(name, (id) => BigInt(id * 2))),
    ],
  });
}

/** A job over `in.parquet` whose predictions are checked against `expected.parquet`. */
function divisions(): string {
  const folder = copyOfCase("crash-row");
  const input = (name: string) => value(name, types.INT64, ["N", 1]);
  const divides = model({
    node: [node({ op: "Div", in: ["a", "b"], out: ["y"] })],
    input: [input("a"), input("b")],
    output: [input("y")],
  });
  writeFileSync(join(folder, "model.onnx"), modelBytes(divides));
  return folder;
}

it("preview names the row that crashes the engine", () => {
  const folder = divisions();
  const input = join(folder, "in.parquet");
  writeDivisions(input, [7]);
  const finished = nightshift(folder, "preview", "model.onnx", "in.parquet", "--json");
  expect(finished.status).toBe(1);
  expect(reportOf(finished).error).toMatchObject({
    code: "model.kills-host",
    details: { file: input, row: 7 },
  });
});

it("a plan's warning names the row that the model crashed on while it was tried", () => {
  const folder = divisions();
  writeDivisions(join(folder, "in.parquet"), [0]);
  const finished = score(folder, "--on-row-error", "emit_null");
  expect(finished.stderr).toMatch(/killed its host on row 0 of \S+in\.parquet/);
  expect(finished.status).toBe(0);
});

it.each([[[]], [[3]]])("check: names its row that crashes the engine, with rows %j of the input", (bad) => {
  const folder = divisions();
  const expected = join(folder, "expected.parquet");
  writeDivisions(join(folder, "in.parquet"), bad);
  writeDivisions(expected, [11], ["y"]);
  writeFileSync(
    join(folder, "divide.yaml"),
    [
      "version: 1",
      "name: divide",
      "model: ./model.onnx",
      "input: { from: ./in.parquet, key: [id] }",
      "check: ./expected.parquet",
      "write: { to: ./out, mode: replace }",
      "limits: { on_row_error: emit_null }",
      "",
    ].join("\n"),
  );
  const finished = nightshift(folder, "run", "divide.yaml", "--json");
  expect(finished.status).toBe(1);
  expect(reportOf(finished).error).toMatchObject({
    code: "model.kills-host",
    details: { file: expected, row: 11 },
  });
});

it("a model that crashes the engine on any row is refused when planned", () => {
  const folder = copyOfCase("crash-row");
  const divides = model({
    node: [
      // Computed from the input, so that loading the model divides nothing yet.
      node({ op: "Sub", in: ["a", "a"], out: ["zero"] }),
      node({ op: "Add", in: ["zero", "smallest"], out: ["dividend"] }),
      node({ op: "Sub", in: ["zero", "one"], out: ["divisor"] }),
      node({ op: "Div", in: ["dividend", "divisor"], out: ["y"] }),
    ],
    initializer: [integers("smallest", [smallest]), integers("one", [1n])],
    input: [value("a", types.INT64, ["N", 1])],
    output: [value("y", types.INT64, ["N", 1])],
  });
  writeFileSync(join(folder, "model.onnx"), modelBytes(divides));
  const finished = score(folder, "--on-row-error", "emit_null", "--json");
  expect(finished.status).toBe(1);
  expect(reportOf(finished).error).toMatchObject({ kind: "model", code: "model.kills-host" });
  expect(readdirSync(folder)).not.toContain("out.parquet");
});
