/** Errors for requests that every ledger refuses. */
import { InfraError, SpecError } from "../errors.js";

export function claimLost(runId: string): InfraError {
  return new InfraError("infra.claim-lost", `run ${runId} is owned by another process now`, {
    hint: "Leave the run to that process; partitions accepted before it took over are kept. See: nightshift status",
    details: { runId },
  });
}

export function notClaimed(runId: string): InfraError {
  return new InfraError("infra.claim-lost", `this process does not own run ${runId}`, {
    hint: "Claim the run first: only its owner may change it.",
    details: { runId },
  });
}

/** Rejects ids that are unsafe as names of directories and rows. @throws SpecError `refused.run-id` */
export function requireRunId(runId: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(runId)) return;
  throw new SpecError(
    "refused.run-id",
    `${JSON.stringify(runId)} cannot be the id of a run: it names a directory`,
    {
      hint: "Use 1 to 128 letters, digits, dots, dashes and underscores, with a letter or digit first.",
      details: { runId },
    },
  );
}

export function runIdTaken(runId: string): SpecError {
  return new SpecError("refused.run-id", `run id ${runId} belongs to another job or interval`, {
    hint: "Use a fresh id for every run.",
    details: { runId },
  });
}

/**
 * Error for a transition that the run's state does not allow. Only a coordinator with an outdated state
 * requests one.
 */
export function illegal(
  runId: string,
  what: string,
  state: string,
  hint = "See: nightshift status",
): SpecError {
  return new SpecError("refused.transition", `cannot ${what} of run ${runId}: ${state}`, {
    hint,
    details: { runId },
  });
}

export function runEnded(runId: string, status: string): SpecError {
  return new SpecError("refused.run-ended", `run ${runId} is ${status}; it has no work left`, {
    hint:
      status === "published"
        ? "Score it again with --reprocess."
        : "Start a new run of the same job: the dropped run stays as it is.",
    details: { runId, status },
  });
}

export function ownerAlive(runId: string, pid: number): SpecError {
  return new SpecError("refused.owner-alive", `run ${runId} is owned by process ${pid}`, {
    hint: `Wait until it is done, or stop it with nightshift cancel ${runId}, which keeps accepted partitions, and run the command again.`,
    details: { runId, pid },
  });
}

/** @param leaseMs remaining time of its claim if it is not renewed; `null` if claims do not expire */
export function ownerElsewhere(
  runId: string,
  pid: number,
  host: string,
  leaseMs: number | null = null,
): SpecError {
  return new SpecError(
    "refused.owner-alive",
    `run ${runId} belongs to process ${pid} on ${host}, and it cannot be checked from this host whether it is alive`,
    {
      hint:
        leaseMs === null
          ? `Make sure that it is gone on ${host}, then run the command again with --take-over.`
          : `Its claim runs out in ${Math.ceil(leaseMs / 1000)} s unless it is renewed: try again then. If the process is certainly gone, --take-over does not wait.`,
      details: { runId, pid, host },
    },
  );
}

/** @param place location of the ledger, for messages */
export function unknownRun(runId: string, place: string): SpecError {
  return new SpecError("refused.unknown-run", `there is no run ${runId} in ${place}`, {
    hint: "List the runs with: nightshift ls runs",
    details: { runId, place },
  });
}
