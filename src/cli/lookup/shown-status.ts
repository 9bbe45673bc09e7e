import { targetOf } from "../../job/output.js";
import type { RunState } from "../../job/run.js";
import type { Sink } from "../../sinks/sink.js";
import type { Cli } from "../shell/context.js";
import { interruptionCheck } from "./owners.js";

/**
 * A run's status as people mean it: what nobody works on is interrupted, what a rollback hid is not published, and of an
 * output that cannot be asked it is unknown whether one did.
 */
export type ShownStatus = RunState["status"] | "interrupted" | "rolled back" | "unknown";

/** Asks the ledger's owner and the sink's record: the ledger alone does not know of rollbacks. */
export async function statusCheck(cli: Cli): Promise<(state: RunState) => Promise<ShownStatus>> {
  const isInterrupted = await interruptionCheck();
  const app = await cli.app();
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
