import type { z } from "zod";

export interface Refusal {
  /** Key of the wrong value in the checked mapping; without it, the mapping itself is wrong. */
  readonly key?: string;
  readonly message: string;
  readonly suggestion: string;
}

/**
 * Reports a problem of a key that depends on another key. If the whole mapping lacks a required part, the
 * code is `spec.incomplete`.
 */
export function refuse(context: z.RefinementCtx, { key, message, suggestion }: Refusal): void {
  const code = key === undefined ? "spec.incomplete" : "spec.invalid-value";
  context.addIssue({
    code: "custom",
    path: key === undefined ? [] : [key],
    message,
    params: { code, suggestion },
  });
}
