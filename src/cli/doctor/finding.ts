/** One thing that was tried. `warn` works, though not as it should. */
export interface Finding {
  readonly check: string;
  readonly result: "ok" | "warn" | "fail";
  readonly detail: string;
  /** What to do, unless all is well. */
  readonly hint?: string;
}
