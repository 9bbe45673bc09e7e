import { SpecError } from "../errors.js";
import { targetOf } from "../job/output.js";
import { isActive, type RunState } from "../job/run.js";
import type { Ledger } from "../ledgers/ledger.js";
import type { Sink } from "../sinks/sink.js";
import type { App } from "./context.js";

/** Tells of a run that is not finished whether anybody works on it. */
export type IsInterrupted = (state: RunState) => boolean;

/** From this machine; a run whose owner is on another host counts as under way. */
export async function interruptionCheck(app: Pick<App, "processes">): Promise<IsInterrupted> {
  const { isAlive } = await app.processes();
  return (state) => {
    const { run, status, owner } = state;
    if (!isActive(state)) return false;
    if (owner !== null) return isAlive(owner) === "dead";
    // What a service was asked for waits there until there is room.
    return status !== "created" || run.trigger !== "api";
  };
}

/**
 * A run's status as people mean it: what nobody works on is interrupted, what a rollback hid is not published, and of an
 * output that cannot be asked it is unknown whether one did.
 */
export type ShownStatus = RunState["status"] | "interrupted" | "rolled back" | "unknown";

/** Asks the ledger's owner and the sink's record: the ledger alone does not know of rollbacks. */
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
