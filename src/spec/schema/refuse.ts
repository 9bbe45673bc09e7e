import type { z } from "zod";

export interface Refusal {
  /** Key of the value in the checked mapping; the mapping itself without it. */
  readonly key?: string;
  readonly message: string;
  readonly suggestion: string;
}

/** What one key says depends on another. A mapping that lacks what makes it one is `spec.incomplete`. */
export function refuse(context: z.RefinementCtx, { key, message, suggestion }: Refusal): void {
  const code = key === undefined ? "spec.incomplete" : "spec.invalid-value";
  context.addIssue({
    code: "custom",
    path: key === undefined ? [] : [key],
    message,
    params: { code, suggestion },
  });
}
