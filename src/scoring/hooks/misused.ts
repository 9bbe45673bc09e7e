import { SpecError } from "../../errors.js";

/**
 * Creates an error about wrong use of a chunk by a hook. It contains no values; the caller of the hook adds
 * the line of its source.
 */
export function misused(message: string, hint: string): SpecError {
  return new SpecError("hook.misused", message, { hint });
}
