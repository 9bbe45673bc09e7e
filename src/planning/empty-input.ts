/** What is said of an input without rows, where that is not allowed. */
import { DataError } from "../errors.js";
import { describeInput, inputKind } from "../job/input.js";
import type { Job } from "../job/job.js";
import { intervalLabel } from "../time/interval.js";

/** @returns DataError `source.empty`, with the interval that was looked at */
export function emptyInput({ input, interval }: Pick<Job, "input" | "interval">): DataError {
  const otherwise = "set input.on_empty to skip or publish where";
  if (interval === null)
    return new DataError("source.empty", `The input has no rows: ${describeInput(input)}.`, {
      hint: `Check the ${inputKind(input).noun(input)}, or ${otherwise} an empty input is normal.`,
    });
  const { ds, start, end } = interval;
  return new DataError(
    "source.empty",
    `The input has no rows for ${intervalLabel(interval)}: ${describeInput(input)}.`,
    {
      hint: `Name an instant of an interval that has rows with --at, check the ${inputKind(input).noun(input)}, or ${otherwise} an empty interval is normal.`,
      details: { ds, start, end },
    },
  );
}
