/** An interval without input is missing after a backfill, as `status --job` shows it. */
import { expect, test } from "vitest";
import type { Decision } from "../../src/backfill.js";
import { endLine } from "../../src/cli/backfilling/backfill-text.js";
import { gridAfter } from "../../src/cli/backfilling/grid-after.js";
import { makePaint } from "../../src/cli/output/paint.js";
import { DataError, SpecError } from "../../src/errors.js";

const interval = { start: "2026-01-15T00:00:00Z", end: "2026-01-16T00:00:00Z", ds: "2026-01-15" };
const decision = { interval, standing: "missing" } as Decision;
const paint = makePaint(false);

test.each([
  [new SpecError("source.not-found", "no file matches"), "1 missing", "no input"],
  [new DataError("data.bad", "a bad row"), "1 failed", "failed"],
])("%s", (error, legend, status) => {
  const end = { decision, outcome: null, error };
  expect(gridAfter("day", [decision], [end], paint)).toContain(legend);
  expect(endLine(end, paint)).toContain(status);
});
