import { describe, expect, it } from "vitest";
import { DataError } from "../../../src/errors.js";
import type { RowPolicy } from "../../../src/job/job.js";
import {
  countErrorRows,
  exceedsBudget,
  judge,
  type RowFailure,
  refuseFailure,
} from "../../../src/scoring/row-policy.js";

const policy = (
  onRowError: RowPolicy["onRowError"],
  maxErrorRows: number | null = null,
  maxErrorFraction: number | null = null,
): RowPolicy => ({ onRowError, maxErrorRows, maxErrorFraction });
const failed: RowFailure = { row: 3, reason: "null_value", message: 'column "a" is null' };
const rejected: RowFailure = { row: 4, reason: "null_rejected", message: 'column "b" is null' };

describe("a row that fails", () => {
  it("goes to quarantine", () => {
    expect(judge([failed, rejected], policy("quarantine"))).toEqual({
      quarantined: [failed, rejected],
      nulled: [],
    });
  });

  it("stays without predictions under emit_null, unless the job rejects it", () => {
    expect(judge([failed, rejected], policy("emit_null"))).toEqual({
      quarantined: [rejected],
      nulled: [failed],
    });
  });

  it("ends the run under fail, naming file, row, key columns and the way out, but no value", () => {
    const place = { file: "/data/a.parquet", row: 41, key: ["user_id", "day"] };
    const refuse = () => refuseFailure(failed, policy("fail"), place);
    expect(refuse).toThrow(DataError);
    expect(refuse).toThrow(
      '/data/a.parquet, row 41 (key columns: user_id, day): column "a" is null [null_value]',
    );
    expect(refuse).toThrow(
      expect.objectContaining({
        code: "data.row-failed",
        hint: expect.stringContaining("on_row_error: quarantine"),
      }),
    );
    expect(() => refuseFailure(rejected, policy("fail"), place)).not.toThrow();
    expect(() => refuseFailure(failed, policy("quarantine"), place)).not.toThrow();
  });
});

describe("error budgets", () => {
  it("count all reasons but the rows that the job itself rejects", () => {
    expect(countErrorRows({ null_value: 2, predict_failed: 3, null_rejected: 100 })).toBe(5);
  });

  it.each([
    [policy("quarantine"), 100, 100, false],
    [policy("quarantine", 5), 5, 100, false],
    [policy("quarantine", 5), 6, 100, true],
    [policy("quarantine", 0), 1, 100, true],
    [policy("quarantine", null, 0.1), 10, 100, false],
    [policy("quarantine", null, 0.1), 11, 100, true],
    [policy("quarantine", null, 0), 0, 0, false],
    [policy("emit_null", 50, 0.1), 11, 100, true],
    // The total is not known yet.
    [policy("quarantine", null, 0.1), 1000, null, false],
    [policy("quarantine", null, 0), 1, null, true],
    [policy("quarantine", 5, 0.1), 6, null, true],
  ])("%j, %i of %s rows: %s", (budget, errors, rows, exceeded) => {
    expect(exceedsBudget(budget, errors, rows)).toBe(exceeded);
  });
});
