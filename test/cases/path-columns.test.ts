import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Column } from "../../src/data/column.js";
import { SpecError } from "../../src/errors.js";
import { askedPathTypes, withPathTypes } from "../../src/mapping/path-types.js";
import { copyOfCase, expectedOf } from "../support/cases.js";
import { jobWith, signatureOf } from "../support/jobs.js";
import { nightshift } from "../support/nightshift.js";
import { readRows } from "../support/published-rows.js";

describe("columns in paths", () => {
  it("append-type-drift: have one type for every listing", async () => {
    const folder = copyOfCase("append-type-drift");
    expect(nightshift(folder, "run", "j", "--at", "2024-01-01").status).toBe(0);
    expect(nightshift(folder, "run", "j", "--at", "2024-01-02").status).toBe(0);
    const files = readdirSync(join(folder, "o"), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".parquet"))
      .sort();
    const hours = await Promise.all(files.map((name) => readRows(join(folder, "o", name))));
    expect(hours.flat().map(({ hour }) => hour)).toEqual(["09", "10"]);
  });

  it("hive-zero-padded: are numbers where the model takes a number", async () => {
    const folder = copyOfCase("hive-zero-padded");
    expect(nightshift(folder, "score", "model.onnx", "data", "-o", "out.parquet", "--key", "id").status).toBe(
      0,
    );
    const rows = await readRows(join(folder, "out.parquet"));
    expect(rows.map(({ month_out }) => month_out)).toEqual(expectedOf("hive-zero-padded").month_out);
  });

  it("hive-int-null: are null where Hive wrote its default partition", async () => {
    const folder = copyOfCase("hive-int-null");
    mkdirSync(join(folder, "jobs"));
    writeFileSync(
      join(folder, "jobs/j.yaml"),
      `{ version: 1, name: j, model: ../model.onnx, input: { from: ../data, key: [id] },
         features: { x: { column: x, nulls: nan }, month: { column: month, nulls: nan } },
         passthrough: [month], write: { to: ../out.parquet, mode: replace } }`,
    );
    expect(nightshift(folder, "run", "j").status).toBe(0);
    const rows = await readRows(join(folder, "out.parquet"));
    expect(rows.map(({ month }) => month)).toEqual([1n, 2n, null]);
    const seen = rows.map(({ month_out }) => (Number.isNaN(month_out) ? null : month_out));
    expect(seen).toEqual(expectedOf("hive-int-null").month_out);
  });
});

describe("what features ask of a column in a path", () => {
  const path = (name: string): Column => ({ name, type: { kind: "utf8" }, nullable: true, fromPath: true });
  const signature = signatureOf([
    { name: "n", type: "float32", shape: ["N", 1] },
    { name: "s", type: "string", shape: ["N", 1] },
  ]);
  const ask = (inputs: NonNullable<NonNullable<Parameters<typeof jobWith>[0]>["features"]>["inputs"] = {}) =>
    askedPathTypes({
      job: jobWith({ features: { inputs } }),
      signature,
      schema: [path("k"), path("n"), path("s")],
      guess: false,
    });

  it("follows from the tensor, `part`, `map` and `dtype`, found by name or written down", () => {
    expect(ask()).toEqual({ n: "int64" });
    expect(ask({ n: { kind: "column", column: "k", part: "dow" } })).toEqual({ k: "date" });
    expect(ask({ n: { kind: "column", column: "k", dtype: "bool" } })).toEqual({ k: "bool" });
    expect(ask({ n: { kind: "column", column: "k", map: { file: "/m.json" } } })).toEqual({});
    // A hook may add what the input lacks.
    expect(ask({ n: { kind: "stack", stack: [{ column: "k" }, { column: "later" }] } })).toEqual({
      k: "int64",
    });
  });

  it("is refused where two features ask for two types", () => {
    const both = { n: { kind: "column", column: "k" }, s: { kind: "column", column: "k" } } as const;
    expect(() => ask(both)).toThrow(
      expect.toSatisfy((error) => error instanceof SpecError && error.code === "mapping.path-column"),
    );
  });

  it("is what the plan's schema then says", () => {
    expect(withPathTypes([path("k"), path("n")], { k: "date" })).toEqual([
      { name: "k", type: { kind: "date", unit: "day" }, nullable: true },
      { name: "n", type: { kind: "utf8" }, nullable: true },
    ]);
  });
});
