import type { Cli } from "../shell/context.js";

/** One line of NDJSON, on stdout unless another place is given for it: what it is about, and when it was written. */
export function logLine({ out, clock }: Pick<Cli, "out" | "clock">, type: string, fields: object = {}): void {
  out.line(JSON.stringify({ type, at: clock.now().toISOString(), ...fields }));
}
