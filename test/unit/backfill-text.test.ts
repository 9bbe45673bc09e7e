/** An interval without input is missing after a backfill, as `status --job` shows it. */
import { expect, test } from "vitest";
import { endLine, gridAfter } from "../../src/cli/output/backfill-text.js";
import { makePaint } from "../../src/cli/output/paint.js";
import { DataError, SpecError } from "../../src/errors.js";
import type { RunOutcome } from "../../src/running/run-request.js";
import type { Decision } from "../../src/service/decide-intervals.js";

const interval = { start: "2026-01-15T00:00:00Z", end: "2026-01-16T00:00:00Z", ds: "2026-01-15" };
const paint = makePaint(false);

const failed = { status: "failed", run: { id: "r" } } as RunOutcome;

test.each([
  [new SpecError("source.not-found", "no file matches"), "missing", null, "1 missing", "no input"],
  [new SpecError("spec.invalid", "a mistake"), "missing", null, "1 missing", "failed"],
  [new DataError("data.bad", "no run was made; an earlier one failed"), "failed", null, "1 failed", "failed"],
  [new DataError("data.bad", "a bad row"), "missing", failed, "1 failed", "failed"],
] as const)("%s, where it was %s", (error, standing, outcome, legend, status) => {
  const decision = { interval, standing } as Decision;
  const end = { decision, outcome, error };
  expect(gridAfter("day", [decision], [end], paint)).toContain(legend);
  expect(endLine(end, paint)).toContain(status);
});
