/** Limits that mean something, or are needed, only with other keys. */

import { wrong } from "../../job/spec-problem.js";
import type { Check, CheckedSpec } from "./check.js";

export const budgetNeedsRowPolicy: Check = {
  reads: [
    ["limits", "on_row_error"],
    ["limits", "max_error_rows"],
    ["limits", "max_error_fraction"],
  ],
  *problems({ spec }: CheckedSpec) {
    if (spec.limits.on_row_error !== "fail") return;
    for (const key of ["max_error_rows", "max_error_fraction"] as const)
      if (spec.limits[key] !== undefined)
        yield {
          ...wrong(
            ["limits", key],
            "spec.unused-budget",
            `\`${key}\` means nothing while the first bad row fails the run`,
            "set `on_row_error: quarantine` or `emit_null`",
          ),
          at: "key",
        };
  },
};

/**
 * Rows that influence one another are scored in the batches of the spec, so the spec has to give their size.
 */
export const dependentRowsNeedBatch: Check = {
  reads: [["rows"], ["limits", "batch_rows"]],
  *problems({ spec }: CheckedSpec) {
    if (spec.rows !== "dependent" || spec.limits.batch_rows !== undefined) return;
    yield wrong(
      ["rows"],
      "spec.batch-rows-missing",
      "`rows: dependent` needs the size of a batch, since predictions depend on it",
      "add `limits: { batch_rows: 256 }`, or the size that the model was made for",
    );
  },
};
