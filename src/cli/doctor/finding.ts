import { asNightshiftError } from "../../errors.js";

/** One thing that was tried. `warn` works, though not as it should; `off` does not, and nothing needs it by itself. */
export interface Finding {
  readonly check: string;
  readonly result: "ok" | "warn" | "off" | "fail";
  readonly detail: string;
  /** What to do, unless all is well. */
  readonly hint?: string;
}

/** What kept a check from being made. */
export function failedFinding(check: string, thrown: unknown): Finding {
  const { message, hint } = asNightshiftError(thrown);
  return { check, result: "fail", detail: message, ...(hint === undefined ? {} : { hint }) };
}
