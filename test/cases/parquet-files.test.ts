import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Binary, vectorFromArray } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { copyOfCase, expectedOf } from "../support/cases.js";
import { nightshift } from "../support/nightshift.js";
import { writeParquet } from "../support/parquet-rows.js";
import { type CaseJob, previewCase } from "../support/preview-case.js";
import { readRows } from "../support/published-rows.js";

function caseJob(name: string, input: string, more: Partial<CaseJob> = {}): CaseJob {
  const folder = copyOfCase(name);
  const model = { path: join(folder, "model.onnx"), externalData: [] };
  return { model, from: [join(folder, input)], ...more };
}

/** JSON has no NaN: what a null float feature becomes. */
const plain = (values: readonly unknown[] = []) => values.map((value) => (value === "NaN" ? null : value));

describe("files whose schemas differ in a way that loses nothing", () => {
  it.each([
    "drift-dictionary",
    "drift-empty-pandas-file",
    "drift-float32-float64",
    "drift-int32-int64",
    "drift-null-column",
    "drift-null-feature",
  ])("%s", async (name) => {
    const { columns } = await previewCase(caseJob(name, "tbl", { key: ["id"] }));
    for (const [column, values] of Object.entries(expectedOf(name)))
      expect(plain(columns[column])).toEqual(values);
  });

  it("drift-unused-column: a column that only some files have is left out, and said", async () => {
    const folder = copyOfCase("drift-unused-column");
    const { status, stderr } = nightshift(
      folder,
      "score",
      "model.onnx",
      "tbl",
      "-o",
      "out.parquet",
      "--key",
      "id",
    );
    expect({ status, stderr }).toMatchObject({ status: 0 });
    expect(stderr).toContain("newcol");
    const rows = await readRows(join(folder, "out.parquet"));
    expect(rows.map(({ x_out }) => x_out)).toEqual(expectedOf("drift-unused-column").x_out);
    expect(Object.keys(rows[0] ?? {})).toEqual(["id", "x_out"]);
  });

  it("a column that is read and missing is refused by name, and null on request", async () => {
    const wanted = caseJob("drift-unused-column", "tbl", {
      passthrough: { kind: "columns", columns: ["newcol"] },
    });
    await expect(previewCase(wanted)).rejects.toMatchObject({
      code: "source.schema-drift",
      hint: expect.stringContaining("missing_columns: nulls"),
      details: {
        column: "newcol",
        file: expect.stringMatching(/a\.parquet$/),
        other: expect.stringMatching(/b\.parquet$/),
      },
    });
    const { columns } = await previewCase({ ...wanted, missingColumns: "nulls" });
    expect(columns.newcol).toEqual([null, "z"]);
  });
});

describe("one odd column does not cost the file", () => {
  it("parquet-int128: it is left out, and said", async () => {
    const { columns, warnings } = await previewCase(caseJob("parquet-int128", "in.parquet"));
    expect(columns).toMatchObject({ y: expectedOf("parquet-int128").y });
    expect(columns).not.toHaveProperty("i128");
    expect(warnings).toEqual([expect.stringMatching(/i128.*Int128/)]);
  });

  it("parquet-int128: it is refused by name where it is wanted", async () => {
    const passthrough = { kind: "columns", columns: ["i128"] } as const;
    await expect(previewCase(caseJob("parquet-int128", "in.parquet", { passthrough }))).rejects.toMatchObject(
      {
        code: "data.unsupported",
        details: { column: "i128" },
      },
    );
  });

  it("encrypted-column: planning says that the column is encrypted", async () => {
    await expect(previewCase(caseJob("encrypted-column", "in.parquet"))).rejects.toMatchObject({
      code: "data.unsupported",
      message: expect.stringMatching(/"float_field" of .*in\.parquet is encrypted/),
      details: { column: "float_field" },
    });
  });

  it("encrypted-column: other columns are read", async () => {
    const features = { inputs: { float_field: { kind: "column", column: "double_field" } } } as const;
    const { columns } = await previewCase(caseJob("encrypted-column", "in.parquet", { features }));
    expect(columns.id).toEqual([0, 1, 2]);
    expect(columns).not.toHaveProperty("float_field");
  });
});

it("int96-nested: the year of a timestamp in a struct, and the struct itself, are what was written", async () => {
  const features = { inputs: { x: { kind: "column", column: "s.t", part: "year" } } } as const;
  const { columns } = await previewCase(
    caseJob("int96-nested", "in.parquet", { features, passthrough: { kind: "columns", columns: ["s"] } }),
  );
  expect(columns.y).toEqual(expectedOf("int96-nested").y);
  const days = ["9999-12-31T00:00Z", "2024-02-29T01:00Z", "0001-01-01T00:00Z"];
  expect(columns.s).toEqual(days.map((day) => ({ t: Date.parse(day) })));
});

describe("text stored as bytes without an annotation", () => {
  it("binary-text: feeds the input of its own name", async () => {
    const { columns } = await previewCase(caseJob("binary-text", "in.parquet"));
    expect(columns.s_out).toEqual(expectedOf("binary-text").s_out);
  });

  it("feeds an input of another name on request only, and bytes that are no text fail their row", async () => {
    const folder = copyOfCase("binary-text");
    const bytes = [Uint8Array.of(0xef, 0xbf, 0xbd), Uint8Array.of(0x64, 0xe9), null, Uint8Array.of(0x64)];
    const from = [join(folder, "other.parquet")];
    writeFileSync(
      join(folder, "other.parquet"),
      await writeParquet({ b: vectorFromArray(bytes, new Binary()) }),
    );
    const model = { path: join(folder, "model.onnx"), externalData: [] };
    const column = { kind: "column", column: "b", nulls: "none" } as const;
    const job = { model, from, features: { inputs: { s: column } } };
    await expect(previewCase(job)).rejects.toMatchObject({
      code: "mapping.cast",
      hint: expect.stringContaining("dtype: string"),
    });
    const asText = { ...job, features: { inputs: { s: { ...column, dtype: "string" } } } } as const;
    await expect(previewCase(asText)).rejects.toMatchObject({
      code: "data.row-failed",
      details: { row: 1, reason: "not_text" },
    });
    const rowPolicy = { onRowError: "emit_null", maxErrorRows: null, maxErrorFraction: null } as const;
    const { columns } = await previewCase({ ...asText, rowPolicy });
    expect(columns.s_out).toEqual(["\u{fffd}", null, "none", "d"]);
  });
});
