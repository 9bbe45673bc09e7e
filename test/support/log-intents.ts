import type { CommitIntent } from "../../src/sinks/publication-log/next-entry.js";
import type { CommitDetails, LoggedFile, LogRun } from "../../src/sinks/publication-log/publication-log.js";

export function logRun(id: string, given: Partial<LogRun> = {}): LogRun {
  return {
    id,
    jobId: "job",
    jobName: "nightly",
    scope: id,
    generation: 1,
    fingerprint: "f".repeat(64),
    interval: null,
    ...given,
  };
}

export function loggedFile(runId: string, given: Partial<LoggedFile> = {}): LoggedFile {
  return {
    path: `part-${runId}-00000-00.parquet`,
    staged: `${runId}/attempt/part-00000-00.parquet.staged`,
    partitionValues: [],
    rows: 10,
    bytes: 100,
    sha256: "0".repeat(64),
    runId,
    ...given,
  };
}

export function commitOf(
  run: LogRun,
  given: Partial<CommitDetails> & {
    files?: readonly LoggedFile[];
    removed?: number;
    lookedAt?: number;
  } = {},
): CommitIntent {
  const { files, removed, lookedAt = 0, ...details } = given;
  return {
    action: "commit",
    at: "2026-01-01T00:00:00.000Z",
    run,
    files: files ?? [loggedFile(run.id)],
    lookedAt,
    removed: removed ?? null,
    details: {
      mode: "replace",
      partitionBy: [],
      columns: null,
      modelSha256: null,
      quarantine: [],
      ...details,
    },
  };
}
