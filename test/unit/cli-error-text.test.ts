import { expect, test } from "vitest";
import { errorJson, errorText } from "../../src/cli/output/error-text.js";
import { makePaint } from "../../src/cli/output/paint.js";
import { BugError, CancelledError, DataError } from "../../src/errors.js";

const paint = makePaint(false);

const changed = new DataError("source.changed", "data/a.parquet changed while it was read", {
  hint: "plan again: nightshift run flight-delay --restart",
  details: { file: "data/a.parquet", rowGroup: 3, columns: ["a", "b"], nested: { x: 1 }, rows: null },
  cause: new TypeError("mtime 1 is not 2", { cause: new Error("below") }),
});

test("an error says what, where the message did not yet, and what to do", () => {
  expect(
    errorText(changed, { paint, width: null }, false),
  ).toBe(`error: data/a.parquet changed while it was read
  row group: 3
  columns: a, b
  hint: plan again: nightshift run flight-delay --restart`);
});

test("verbose adds the code and what lies under it", () => {
  expect(errorText(changed, { paint, width: null }, true).split("\n").slice(-3)).toEqual([
    "  code: source.changed",
    "  caused by TypeError: mtime 1 is not 2",
    "  caused by Error: below",
  ]);
});

test("an interruption is no error", () => {
  expect(errorText(new CancelledError(), { paint, width: null }, true)).toBe(
    "interrupted: nothing was changed",
  );
});

test("a bug shows its stack and asks to be reported", () => {
  const text = errorText(new BugError("bug", "x is undefined"), { paint, width: null }, false);
  expect(text).toContain("BugError: x is undefined\n    at ");
  expect(text).toContain("This is a bug in Nightshift.");
});

test("as JSON it is one line with its code", () => {
  const line = errorJson(changed);
  expect(line).not.toContain("\n");
  expect(JSON.parse(line)).toMatchObject({
    error: { kind: "data", code: "source.changed", details: { rowGroup: 3 }, retryable: false },
  });
});
