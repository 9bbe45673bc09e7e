import { isActive, type RunState } from "../../job/run.js";

/** Tells of a run that is not finished whether anybody works on it. */
export type IsInterrupted = (state: RunState) => boolean;

/** From this machine; a run whose owner is on another host counts as under way. */
export async function interruptionCheck(): Promise<IsInterrupted> {
  const { processes } = await import("../../ledgers/journal/processes.js");
  const { isAlive } = processes();
  return (state) => {
    const { run, status, owner } = state;
    if (!isActive(state)) return false;
    if (owner !== null) return isAlive(owner) === "dead";
    // What a service was asked for waits there until there is room.
    return status !== "created" || run.trigger !== "api";
  };
}
