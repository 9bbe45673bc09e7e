import { SpecError } from "../../errors.js";
import { isInsideRoot } from "../../spec/inside-root.js";

/** @throws SpecError `refused.outside-output-root` for an output that NIGHTSHIFT_OUTPUT_ROOT does not allow */
export function refuseOutside(output: string, outputRoot: string | null): void {
  if (outputRoot === null || isInsideRoot(output, outputRoot)) return;
  throw new SpecError(
    "refused.outside-output-root",
    `${output} lies outside of NIGHTSHIFT_OUTPUT_ROOT, ${outputRoot}`,
    { hint: "Write below it, or ask whoever set it." },
  );
}
