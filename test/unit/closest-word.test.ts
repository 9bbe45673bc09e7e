import { expect, test } from "vitest";
import { closest } from "../../src/text/closest-word.js";

test.each([
  ["tpye", "type"],
  ["modle", "model"],
  ["onEmpty", "on_empty"],
  ["on-empyt", "on_empty"],
  ["Petal Length", "petal_length"],
  ["di", "id"],
  ["flight-dleya", "flight-delay"],
])("%s most likely means %s", (word, meant) => {
  expect(closest(word, ["unrelated", meant, "x"])).toBe(meant);
});

test.each(["", "x", "abc", "wholly-different"])("%j is close to nothing", (word) => {
  expect(closest(word, ["type", "model", "on_empty"])).toBeNull();
});

test("the nearest wins, and of two alike the first", () => {
  expect(closest("feature_1", ["feature_12", "feature_1"])).toBe("feature_1");
  expect(closest("feature", ["features", "featured"])).toBe("features");
});
