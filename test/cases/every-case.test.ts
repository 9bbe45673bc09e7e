import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { caseNames, copyOfCase, expectedOf } from "../support/cases.js";

it("a case says what is expected of it", () => {
  expect(caseNames()).toContain("delta-overwritten");
  expect(readdirSync(copyOfCase("delta-overwritten"))).toContain("tbl");
  expect(expectedOf("delta-overwritten")).toMatchObject({ id: [1, 4] });
});

it("every case is named by a test", () => {
  const folder = new URL("./", import.meta.url);
  const tests = readdirSync(folder).filter((name) => name.endsWith(".test.ts") && !name.startsWith("every-"));
  const text = tests.map((name) => readFileSync(new URL(name, folder), "utf8")).join("\n");
  const isNamed = (name: string) => new RegExp(`(?<![\\w-])${name}(?![\\w-])`).test(text);
  expect(caseNames().filter((name) => !isNamed(name))).toEqual([]);
});
