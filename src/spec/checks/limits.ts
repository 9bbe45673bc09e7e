/** Error budgets mean something only where rows may fail. */
import { type Check, type CheckedSpec, wrong } from "./check.js";

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
