/** Intervals and modes: a second interval must have a place to go. */
import { inputKindOf } from "../../job/input.js";
import { outputKindOf } from "../../job/output.js";
import { wrong } from "../../job/spec-problem.js";
import { templateVariables } from "../../text/template.js";
import { isIntervalVariable } from "../expand-templates.js";
import { valueAt } from "../spec-source.js";
import type { Check, CheckedSpec } from "./check.js";

export const everyIntervalHasAPlace: Check = {
  reads: [["write", "to"], ["write", "table"], ["write", "mode"], ["intervals"]],
  *problems(checked) {
    const { spec, written } = checked;
    if (
      spec.intervals === undefined ||
      spec.write.mode !== "error" ||
      usesInterval(valueAt(written, ["write", "to"])) ||
      usesInterval(valueAt(written, ["write", "table"]))
    )
      return;
    const mode = valueAt(written, ["write", "mode"]) === undefined ? ["write", "to"] : ["write", "mode"];
    yield wrong(
      mode,
      "spec.one-place-for-all-intervals",
      "with `mode: error` the second interval could not be published: the target would exist",
      `set \`mode: append\` or \`replace\`, or put \`{{ ds }}\` into \`${outputKindOf(spec.write.to)?.intervalKey ?? "to"}\``,
    );
  },
};

export const afterNeedsIntervals: Check = {
  reads: [["intervals"], ["after"]],
  *problems({ spec }) {
    if (spec.after === undefined || spec.intervals !== undefined) return;
    yield {
      ...wrong(
        ["after"],
        "spec.after",
        "`after` means nothing without `intervals`: no interval of the other job is meant",
        "add `intervals: { every: day }`",
      ),
      at: "key",
    };
  },
};

/** Only a schedule uses `lookback`: a run by hand or by another scheduler is for one interval. */
export const lookbackNeedsSchedule: Check = {
  reads: [["intervals"], ["schedule"]],
  *problems({ spec }) {
    if (spec.intervals?.lookback === undefined || spec.schedule !== undefined || spec.after !== undefined)
      return;
    yield {
      ...wrong(
        ["intervals", "lookback"],
        "spec.unused-lookback",
        "`lookback` means nothing without a `schedule`",
        "add one, or run `nightshift backfill … --reprocess stale` beside `nightshift run`",
      ),
      at: "key",
    };
  },
};

/** Valid, but seldom intended. */
export function intervalWarnings({ spec, written }: CheckedSpec): readonly string[] {
  if (spec.intervals === undefined) return [];
  const kind = inputKindOf(spec.input.from);
  const texts = (kind?.intervals.keys ?? []).flatMap((key) => {
    const value = valueAt(written, ["input", key]);
    return Array.isArray(value) ? value.flat() : [value];
  });
  return kind === null || texts.some(usesInterval) ? [] : [kind.intervals.warning];
}

function usesInterval(text: unknown): boolean {
  return typeof text === "string" && templateVariables(text).some(({ name }) => isIntervalVariable(name));
}
