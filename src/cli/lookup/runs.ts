import { SpecError } from "../../errors.js";
import type { RunState } from "../../job/run.js";
import type { Ledger } from "../../ledgers/ledger.js";

/**
 * The run that people mean: its id, the beginning of it, or the last run.
 * @throws SpecError `usage.no-runs`, `usage.unknown-run`, `usage.ambiguous-run`
 */
export async function runFor(ledger: Ledger, given: string | undefined): Promise<RunState> {
  if (given !== undefined) {
    const exact = await ledger.readRun(given);
    if (exact !== null) return exact;
  }
  const matches: RunState[] = [];
  let any = false;
  for await (const state of ledger.listRuns()) {
    any = true;
    if (given === undefined) return state;
    if (state.run.id.startsWith(given)) matches.push(state);
  }
  const [match, ...others] = matches;
  if (match !== undefined && others.length === 0) return match;
  if (!any)
    throw new SpecError("usage.no-runs", `no run is recorded in ${ledger.place}`, {
      hint: "Run something first, or name where runs are recorded with --state or --ledger.",
    });
  if (match === undefined)
    throw new SpecError("usage.unknown-run", `no run \`${given}\` is recorded in ${ledger.place}`, {
      hint: "`nightshift ls runs` lists them.",
    });
  throw new SpecError("usage.ambiguous-run", `${matches.length} runs begin with \`${given}\``, {
    hint: `Give more of it: ${matches
      .slice(0, 3)
      .map((state) => state.run.id)
      .join(", ")}`,
  });
}
