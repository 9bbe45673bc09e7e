/** What the journal finds broken, worded in one place; for what it refuses, see `ledgers/refusals.ts`. */
import { dirname } from "node:path";
import { InfraError, type NightshiftError } from "../../errors.js";

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
