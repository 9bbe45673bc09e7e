/** nul-in-text: the engine cuts a text at U+0000, so the row of such a text fails by name; nothing is shortened. */
import { Utf8 } from "apache-arrow";
import { expect, test } from "vitest";
import { fits } from "../../src/mapping/casts.js";
import type { BoundColumn, InputBinding } from "../../src/mapping/mapping.js";
import { createBinder } from "../../src/scoring/bind-inputs.js";
import { batchOf, column } from "../support/arrow-batches.js";
import { copyOfCase, expectedOf } from "../support/cases.js";
import { utf8 } from "../support/jobs.js";
import { nightshift } from "../support/nightshift.js";
import { readRows } from "../support/published-rows.js";

test("the row is set aside with its reason, and the others get their right values", async () => {
  const folder = copyOfCase("nul-in-text");
  const score = ["score", "model.onnx", "in.parquet", "-o", "out.parquet", "--key", "id"];
  const { stdout } = nightshift(folder, ...score, "--on-row-error", "quarantine", "--json");
  expect(stdout).toContain("nul_in_text");
  const { y } = expectedOf("nul-in-text") as { readonly y: readonly number[] };
  const rows = await readRows(`${folder}/out.parquet`);
  expect(rows.map((row) => Number(row.y))).toEqual([y[0], y[2]]);
});

const rules = {
  nulls: { value: "none" },
  part: null,
  timezone: "UTC",
  lossy: false,
  dtype: null,
  map: null,
} as const;
const bound: BoundColumn = { column: "s", path: ["s"], type: utf8, ...rules };
const binding: InputBinding = {
  input: "x",
  type: "string",
  rowShape: [1],
  kind: "columns",
  columns: [bound],
};

test("only texts with U+0000 fail: nulls, empty texts and a leading U+FEFF go in as they are", () => {
  const texts = ["a", "a\0b", null, "\0", "", "\ufeffa", `${"x".repeat(100)}\0`];
  const batch = batchOf({ s: column(new Utf8(), texts) });
  const { tensors, failures } = createBinder([binding], 10).open(batch)(0, texts.length);
  expect([...failures].map(([row, { reason }]) => [row, reason])).toEqual([
    [1, "nul_in_text"],
    [3, "nul_in_text"],
    [6, "nul_in_text"],
  ]);
  expect(tensors.x?.data).toEqual(["a", "", "none", "", "", "\ufeffa", ""]);
});

test("a constant, a padding or a value for nulls with U+0000 is refused while planning", () => {
  expect(fits("a\0b", "string")).toBe(false);
  expect(fits("ab", "string")).toBe(true);
});
