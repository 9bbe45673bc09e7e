/** Intervals and modes: a second interval must have a place to go. */
import { isConnectionUrl } from "../../job/connection.js";
import { templateVariables } from "../../text/template.js";
import { isIntervalVariable } from "../expand-templates.js";
import { valueAt } from "../spec-source.js";
import { asList, type Check, type CheckedSpec, wrong } from "./check.js";

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
      `set \`mode: append\` or \`replace\`, or put \`{{ ds }}\` into \`${isConnectionUrl(spec.write.to) ? "table" : "to"}\``,
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

/** Nothing else looks back: a run by hand, or by another clock, is for one interval. */
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

/** Not wrong, but seldom meant. */
export function intervalWarnings({ spec, written }: CheckedSpec): readonly string[] {
  if (spec.intervals === undefined) return [];
  const isDatabase = asList(spec.input.from).some(isConnectionUrl);
  const texts = (isDatabase ? (["table", "params"] as const) : (["from"] as const)).flatMap((key) => {
    const value = valueAt(written, ["input", key]);
    return Array.isArray(value) ? value.flat() : [value];
  });
  if (texts.some(usesInterval)) return [];
  if (isDatabase)
    return ["`input.params` name no interval (such as `{{ ds }}`): every interval scores the same rows"];
  return ["`input.from` names no interval (such as `dt={{ ds }}`): every interval scores the same rows"];
}

function usesInterval(text: unknown): boolean {
  return typeof text === "string" && templateVariables(text).some(({ name }) => isIntervalVariable(name));
}
