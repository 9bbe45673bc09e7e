/** Everything that the journal refuses or finds broken, worded in one place. */
import { dirname } from "node:path";
import { InfraError, type NightshiftError, SpecError } from "../../errors.js";

/** What was written is not what is read. Nothing is guessed: the run cannot go on from here. */
export function corrupt(path: string, line: number, what: string): InfraError {
  return new InfraError("infra.journal-corrupt", `${path}:${line}: ${what}`, {
    hint: `Restore the file from a backup, or move journal.* and plan.* out of ${dirname(path)} to do the run again from its start. What is published is not affected.`,
    details: { file: path, line },
  });
}

/** The small file that names a run is damaged, so nobody knows which run it was. */
export function corruptRunFile(path: string): InfraError {
  return new InfraError("infra.journal-corrupt", `${path}: the checksum is wrong`, {
    hint: "Restore the file from a backup, or delete it to forget that run. What is published is not affected.",
    details: { file: path },
  });
}

/** Whether a run cannot be told from what is on the disk, while everything else may be fine. */
export function isUnreadable(thrown: unknown): thrown is InfraError {
  return (
    thrown instanceof InfraError &&
    (thrown.code === "infra.journal-corrupt" || thrown.code === "infra.journal-version")
  );
}

export function futureVersion(path: string, line: number, what: string): InfraError {
  return new InfraError(
    "infra.journal-version",
    `${path}:${line}: ${what}, which this version does not know`,
    {
      hint: "The run was written by a newer Nightshift. Use that version, or a newer one.",
      details: { file: path, line },
    },
  );
}

export function claimLost(runId: string): InfraError {
  return new InfraError("infra.claim-lost", `run ${runId} is owned by another process now`, {
    hint: "Leave the run to that process; what was accepted before it took over is kept. See: nightshift status",
    details: { runId },
  });
}

export function notClaimed(runId: string): InfraError {
  return new InfraError("infra.claim-lost", `this process does not own run ${runId}`, {
    hint: "Claim the run first: only its owner may change it.",
    details: { runId },
  });
}

/** After the first failed write or sync: the page cache cannot be trusted to hold what the disk does not. */
export function noMoreWrites(runId: string, first: NightshiftError): InfraError {
  return new InfraError(
    first.code.startsWith("infra.") ? first.code : "infra.io",
    `nothing more is written to the journal of run ${runId} after: ${first.message}`,
    {
      hint: first.hint ?? "Put the disk right, then run the command again: what was accepted is kept.",
      details: { ...first.details, runId },
      cause: first,
    },
  );
}

export function unknownRun(runId: string, stateDir: string): SpecError {
  return new SpecError("refused.unknown-run", `there is no run ${runId} in ${stateDir}`, {
    hint: "See what is there with: nightshift ls runs",
    details: { runId, stateDir },
  });
}

export function badRunId(runId: string): SpecError {
  return new SpecError(
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

/** A transition that the run's state does not allow. Only a coordinator that lost track asks for one. */
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
  return new SpecError("refused.run-ended", `run ${runId} is ${status}; nothing is left to do in it`, {
    hint:
      status === "published"
        ? "Score it again with --reprocess."
        : "Start a new run of the same job: the given-up one stays as it is.",
    details: { runId, status },
  });
}

export function ownerAlive(runId: string, pid: number): SpecError {
  return new SpecError("refused.owner-alive", `run ${runId} is being worked on by process ${pid}`, {
    hint: `Wait until it is done, or stop it (kill ${pid}) and run the command again: what was accepted is kept.`,
    details: { runId, pid },
  });
}

export function ownerElsewhere(runId: string, pid: number, host: string): SpecError {
  return new SpecError(
    "refused.owner-alive",
    `run ${runId} belongs to process ${pid} on ${host}, and from here nobody can tell whether it lives`,
    {
      hint: `Make sure that it is gone on ${host}, then run the command again with --take-over.`,
      details: { runId, pid, host },
    },
  );
}
