/** Intervals and modes: a second interval must have a place to go. */
import { templateVariables } from "../../template.js";
import { isIntervalVariable } from "../expand-templates.js";
import { valueAt } from "../spec-source.js";
import { type Check, type CheckedSpec, wrong } from "./check.js";

export const everyIntervalHasAPlace: Check = {
  reads: [["write", "to"], ["write", "mode"], ["intervals"]],
  *problems(checked) {
    const { spec, written } = checked;
    if (
      spec.intervals === undefined ||
      spec.write.mode !== "error" ||
      usesInterval(valueAt(written, ["write", "to"]))
    )
      return;
    const mode = valueAt(written, ["write", "mode"]) === undefined ? ["write", "to"] : ["write", "mode"];
    yield wrong(
      mode,
      "spec.one-place-for-all-intervals",
      "with `mode: error` the second interval could not be published: the target would exist",
      "set `mode: append` or `replace`, or put `{{ ds }}` into `to`",
    );
  },
};

/** Not wrong, but seldom meant. */
export function intervalWarnings({ spec, written }: CheckedSpec): readonly string[] {
  if (spec.intervals === undefined) return [];
  const from = valueAt(written, ["input", "from"]);
  const texts = Array.isArray(from) ? from : [from];
  if (texts.some(usesInterval)) return [];
  return ["`input.from` names no interval (such as `dt={{ ds }}`): every interval scores the same rows"];
}

function usesInterval(text: unknown): boolean {
  return typeof text === "string" && templateVariables(text).some(({ name }) => isIntervalVariable(name));
}
