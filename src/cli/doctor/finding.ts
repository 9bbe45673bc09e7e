/** One thing that was tried. `warn` works, though not as it should; `off` does not, and nothing needs it by itself. */
export interface Finding {
  readonly check: string;
  readonly result: "ok" | "warn" | "off" | "fail";
  readonly detail: string;
  /** What to do, unless all is well. */
  readonly hint?: string;
}
