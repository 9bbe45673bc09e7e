import { SpecError } from "../errors.js";
import { targetOf } from "../job/output.js";
import { isActive, type RunState } from "../job/run.js";
import type { Ledger } from "../ledgers/ledger.js";
import type { Sink } from "../sinks/sink.js";
import type { App } from "./context.js";

/** Determines for an unfinished run whether no process executes it. */
export type IsInterrupted = (state: RunState) => boolean;

/** Determined from this machine; a run whose owner is on another host counts as running. */
export async function interruptionCheck(app: Pick<App, "processes">): Promise<IsInterrupted> {
  const { isAlive } = await app.processes();
  return (state) => {
    const { run, status, owner } = state;
    if (!isActive(state)) return false;
    if (owner !== null) return isAlive(owner) === "dead";
    // A run that was requested of a service waits in the ledger until a slot is free.
    return status !== "created" || run.trigger !== "api";
  };
}

/**
 * A run's status for display: an unfinished run without an owner is interrupted, a rolled-back run is not
 * published, and if the output is unreachable, it is unknown whether it was rolled back.
 */
export type ShownStatus = RunState["status"] | "interrupted" | "rolled back" | "unknown";

/** Checks the owner and the sink's record, because the ledger alone does not record rollbacks. */
export async function statusCheck(
  app: Pick<App, "processes" | "sink">,
): Promise<(state: RunState) => Promise<ShownStatus>> {
  const isInterrupted = await interruptionCheck(app);
  const sinks = new Map<string, Promise<Sink>>();
  return async (state) => {
    if (isInterrupted(state)) return "interrupted";
    if (state.status !== "published") return state.status;
    const { write } = state.run.job;
    const target = targetOf(write);
    const sink = sinks.get(target) ?? app.sink(write);
    sinks.set(target, sink);
    return sink
      .then((opened) => opened.lookup(state.run.id))
      .then(
        (decision) => (decision?.rolledBack === true ? "rolled back" : "published"),
        () => "unknown",
      );
  };
}

/**
 * Returns the run that a user names: by its id, the beginning of its id, or the last run.
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
