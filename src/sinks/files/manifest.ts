/**
 * `_manifest.json`: the content of a publication, for users and tools. It is derived from the log entry
 * alone.
 */
import { typeName } from "../../data/column.js";
import type { LogEntry, LoggedFile } from "../publication-log/publication-log.js";

export function manifestOf(commit: LogEntry): string {
  const { run, commit: details } = commit;
  const partitionBy = details?.partitionBy ?? [];
  const described = (file: LoggedFile) => ({
    path: file.path,
    rows: file.rows,
    bytes: file.bytes,
    sha256: file.sha256,
    ...(file.partitionValues.length === 0
      ? {}
      : { partition: valuesByColumn(partitionBy, file.partitionValues) }),
    run: file.runId,
  });
  const manifest = {
    version: 1,
    publication: commit.seq,
    publishedAt: commit.at,
    run: {
      id: run.id,
      job: run.jobName,
      generation: run.generation,
      scope: run.scope,
      interval: run.interval,
      fingerprint: run.fingerprint,
    },
    modelSha256: details?.modelSha256 ?? null,
    columns:
      details?.columns?.map(({ name, type, nullable }) => ({ name, type: typeName(type), nullable })) ?? null,
    partitionBy,
    rows: total(commit.files, (file) => file.rows),
    bytes: total(commit.files, (file) => file.bytes),
    files: commit.files.map(described),
    quarantine: (details?.quarantine ?? []).map(described),
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

function valuesByColumn(columns: readonly string[], values: readonly string[]): { [column: string]: string } {
  return Object.fromEntries(columns.map((column, index) => [column, values[index] ?? ""]));
}

function total(files: readonly LoggedFile[], of: (file: LoggedFile) => number): number {
  return files.reduce((sum, file) => sum + of(file), 0);
}
