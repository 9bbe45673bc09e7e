/**
 * Metrics of attempts, counted in the process that makes them: by workers if there is a queue, else by the
 * coordinator.
 */
import type { ErrorRecord } from "../../errors.js";
import { hostDeaths, type RunEventBody } from "../../job/run-events.js";
import type { Families } from "./families.js";

/** Creates the series at 0. A series that appears with its first count does not show an increase. */
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
        // A start that was refused is not an attempt: the message came twice or late.
        if (event.refused !== "start") of.attempts.inc({ outcome: "fenced" });
        if (event.refused === "receipt") of.fenced.inc();
        break;
      case "host.died":
        of.hostRestarts.inc({ reason: event.cause });
        break;
    }
  };
}

/** Only `failed` attempts may use up the attempts of a partition. */
function outcomeOf({ kind, code }: ErrorRecord): "failed" | "host-died" | "released" {
  if (kind === "cancelled") return "released";
  return code === "infra.host-died" ? "host-died" : "failed";
}
