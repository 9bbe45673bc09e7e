import type { RunState } from "../../run.js";

/** Tells of a run that is not finished whether anybody works on it. */
export type IsInterrupted = (state: RunState) => boolean;

/** From this machine; a run whose owner is on another host counts as under way. */
export async function interruptionCheck(): Promise<IsInterrupted> {
  const { processes } = await import("../../ledgers/journal/processes.js");
  const { isAlive } = processes();
  return ({ status, owner }) =>
    ["created", "planned", "running", "publishing"].includes(status) &&
    (owner === null || isAlive(owner) === "dead");
}
