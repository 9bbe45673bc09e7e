/** Compares published files on the disk with the log, because a disk or a user may have damaged one. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { InfraError } from "../../errors.js";
import type { FileSystem } from "../../stores/file-system.js";
import type { LogEntry, LoggedFile } from "../publication-log/publication-log.js";
import type { DamagedFile, Verified } from "../sink.js";
import type { Layout } from "./layout.js";

const blockBytes = 4 * 1024 * 1024;

/**
 * Checks the sizes of earlier publications' files before a new publication links them.
 * @param head log entry that shows which run wrote them
 * @throws InfraError `infra.published-file-missing`, `infra.published-file-damaged`
 */
export async function assertWhole(
  fileSystem: FileSystem,
  layout: Layout,
  files: readonly LoggedFile[],
  head: LogEntry | null,
): Promise<void> {
  for (const file of files) {
    const path = join(layout.staging, file.staged);
    const stat = await fileSystem.stat(path);
    if (stat?.kind !== "file") throw missingFile(path, file, head);
    if (stat.size !== file.bytes) throw damagedFile(path, file, stat.size, head);
  }
}

export function missingFile(path: string, file: LoggedFile, head: LogEntry | null): InfraError {
  return new InfraError("infra.published-file-missing", `a published file is gone: ${file.path}`, {
    hint: wayOut(path, file, head),
    details: { path },
  });
}

export function damagedFile(
  path: string,
  file: LoggedFile,
  foundBytes: number,
  head: LogEntry | null,
): InfraError {
  return new InfraError(
    "infra.published-file-damaged",
    `a published file is damaged, so it is not published again: ${file.path} has ${foundBytes} bytes instead of ${file.bytes}`,
    { hint: wayOut(path, file, head), details: { path, expectedBytes: file.bytes, foundBytes } },
  );
}

/** Returns the remedy: restore the file, or publish its input again. */
function wayOut(path: string, file: LoggedFile, head: LogEntry | null): string {
  const run = head?.runs.find(({ id }) => id === file.runId);
  const restore = `Restore ${path} from a backup (SHA-256 ${file.sha256})`;
  if (run === undefined) return `${restore}.`;
  if (run.interval !== null)
    return `${restore}, or score its interval again: nightshift run ${run.jobName} --at ${run.interval.start} --reprocess`;
  return `${restore}, score the same input of ${run.jobName} again with --reprocess, or make an earlier publication visible again with nightshift rollback.`;
}

/** Reads every file: sizes first, then digests. */
export async function verifyFiles(
  fileSystem: FileSystem,
  layout: Layout,
  files: readonly LoggedFile[],
): Promise<Verified> {
  const damaged: DamagedFile[] = [];
  let bytes = 0;
  for (const file of files) {
    const path = join(layout.staging, file.staged);
    const stat = await fileSystem.stat(path);
    const foundBytes = stat?.kind === "file" ? stat.size : null;
    bytes += foundBytes ?? 0;
    const problem =
      foundBytes === null
        ? "missing"
        : foundBytes !== file.bytes
          ? "size"
          : (await digestOf(fileSystem, path, foundBytes)) === file.sha256
            ? null
            : "digest";
    if (problem === null) continue;
    damaged.push({ path: file.path, stored: path, problem, expectedBytes: file.bytes, foundBytes });
  }
  return { files: files.length, bytes, damaged };
}

async function digestOf(fileSystem: FileSystem, path: string, size: number): Promise<string> {
  const digest = createHash("sha256");
  for (let start = 0; start < size; start += blockBytes) {
    const block = await fileSystem.readRange(path, start, Math.min(size, start + blockBytes));
    digest.update(block ?? new Uint8Array());
  }
  return digest.digest("hex");
}
