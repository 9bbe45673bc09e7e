import { readdirSync } from "node:fs";
import { expect, it } from "vitest";
import { caseNames, copyOfCase, expectedOf } from "../support/cases.js";

it("a case says what is expected of it", () => {
  expect(caseNames()).toContain("delta-overwritten");
  expect(readdirSync(copyOfCase("delta-overwritten"))).toContain("tbl");
  expect(expectedOf("delta-overwritten")).toMatchObject({ id: [1, 4] });
});
