/**
 * Errors for journals that are damaged or cannot be written. For refused requests, see `ledgers/refusals.ts`.
 */
import { dirname } from "node:path";
import { InfraError, type NightshiftError } from "../../errors.js";

/**
 * Error for a line that differs from what was written. Nothing is guessed: the run cannot continue from here.
 */
export function corrupt(path: string, line: number, what: string): InfraError {
  return new InfraError("infra.journal-corrupt", `${path}:${line}: ${what}`, {
    hint: `Restore the file from a backup, or move journal.* and plan.* out of ${dirname(path)} to repeat the run from its start. Published output is not affected.`,
    details: { file: path, line },
  });
}

/** Error for a damaged file that identifies a run, so that it is unknown which run it was. */
export function corruptRunFile(path: string): InfraError {
  return new InfraError("infra.journal-corrupt", `${path}: the checksum is wrong`, {
    hint: "Restore the file from a backup, or delete it to forget that run. Published output is not affected.",
    details: { file: path },
  });
}

/** Whether an error means that one run cannot be read from the disk. Other runs may be readable. */
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

/**
 * Error after the first failed write or sync: from then on the page cache may contain data that the disk does
 * not.
 */
export function noMoreWrites(runId: string, first: NightshiftError): InfraError {
  return new InfraError(
    first.code.startsWith("infra.") ? first.code : "infra.io",
    `nothing more is written to the journal of run ${runId} after: ${first.message}`,
    {
      hint: first.hint ?? "Repair the disk, then run the same command again: accepted partitions are kept.",
      details: { ...first.details, runId },
      cause: first,
    },
  );
}
