import { SpecError } from "../../errors.js";

/** A mistake in how a hook uses its chunk. It names no values; whoever called the hook adds the line of its source. */
export function misused(message: string, hint: string): SpecError {
  return new SpecError("hook.misused", message, { hint });
}
