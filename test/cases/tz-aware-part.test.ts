import { join } from "node:path";
import { expect, it } from "vitest";
import { copyOfCase, expectedOf } from "../support/cases.js";
import { nightshift } from "../support/nightshift.js";
import { readRows } from "../support/published-rows.js";

it("tz-aware-part: a part is taken on the column's own clock", async () => {
  const folder = copyOfCase("tz-aware-part");
  expect(nightshift(folder, "run", "case").status).toBe(0);
  const rows = await readRows(join(folder, "out.parquet"));
  expect(rows.map(({ h_out }) => h_out)).toEqual(expectedOf("tz-aware-part").h_out);
});
