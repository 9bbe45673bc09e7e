/** What is counted where attempts are made: by workers where there is a queue, else by the coordinator's own process. */
import type { ErrorRecord } from "../../errors.js";
import { hostDeaths, type RunEventBody } from "../../job/run-events.js";
import type { Families } from "./families.js";

/** A series that is not there before its first count has no increase by it. */
export function beginAttempts(of: Families): void {
  for (const outcome of ["accepted", "failed", "fenced", "host-died", "released"])
    of.attempts.inc({ outcome }, 0);
  for (const reason of hostDeaths) of.hostRestarts.inc({ reason }, 0);
}

export function attemptMetrics(of: Families): (event: RunEventBody) => void {
  return (event) => {
    switch (event.type) {
      case "partition.accepted":
        of.attempts.inc({ outcome: "accepted" });
        if (event.stats.modelLoadSeconds !== undefined) of.modelLoad.observe(event.stats.modelLoadSeconds);
        break;
      case "partition.failed":
        of.attempts.inc({ outcome: outcomeOf(event.error) });
        break;
      case "partition.fenced":
        // A start that was refused is no attempt: the message came twice, or late.
        if (event.refused !== "start") of.attempts.inc({ outcome: "fenced" });
        if (event.refused === "receipt") of.fenced.inc();
        break;
      case "host.died":
        of.hostRestarts.inc({ reason: event.cause });
        break;
    }
  };
}

/** Only the first of them may use up an attempt. */
function outcomeOf({ kind, code }: ErrorRecord): "failed" | "host-died" | "released" {
  if (kind === "cancelled") return "released";
  return code === "infra.host-died" ? "host-died" : "failed";
}
