/**
 * Stores quarantined rows as Parquet files beside a table: staged in `<directory>/.staged/<run>/`, and moved
 * to `<directory>/<run>/` after the run is published. The move may be repeated.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { QuarantinedRows } from "../../data/chunk.js";
import type { Format, FormatWriter } from "../../formats/format.js";
import type { Receipt, StagedFile } from "../../job/partition.js";
import type { PartitionTask } from "../../job/plan.js";
import type { FileSystem } from "../../stores/file-system.js";
import { quarantineBatch } from "../quarantine-batch.js";

export interface QuarantineDirectory {
  /** Absolute. */
  readonly path: string;
  readonly fileSystem: FileSystem;
}

export interface StagedQuarantine {
  write(rows: QuarantinedRows): Promise<void>;
  /** Synced to disk. */
  finish(): Promise<readonly StagedFile[]>;
  /** Best effort; never throws. */
  discard(): Promise<void>;
}

const stagedIn = ({ path }: QuarantineDirectory, runId: string): string => join(path, ".staged", runId);

/**
 * Writes one attempt's files; starts a new file when the open one is large. No file is created before the
 * first row.
 */
export function stageQuarantine(
  directory: QuarantineDirectory,
  format: Format,
  task: PartitionTask,
  attemptId: string,
): StagedQuarantine {
  const { fileSystem } = directory;
  const profile = task.plan.profile.writer;
  const folder = stagedIn(directory, task.run.id);
  const files: StagedFile[] = [];
  let open: FormatWriter | null = null;

  async function close(): Promise<void> {
    if (open === null) return;
    const { rows } = open;
    const body = open.finish();
    open = null;
    const path = `${String(task.ref.partition).padStart(5, "0")}-${attemptId}-${files.length}.parquet`;
    await fileSystem.mkdir(folder);
    await fileSystem.writeFile(join(folder, path), body);
    const sha256 = createHash("sha256").update(body).digest("hex");
    files.push({ path, partitionValues: [], rows, bytes: body.byteLength, sha256 });
  }

  return {
    async write(rows) {
      const batch = quarantineBatch(rows);
      open ??= await format.createWriter(batch.schema, profile);
      open.write(batch);
      if (open.rawBytes >= profile.partBytes) await close();
    },
    async finish() {
      await close();
      if (files.length > 0) await fileSystem.syncDirectory(folder);
      return files;
    },
    async discard() {
      for (const { path } of files) await fileSystem.unlink(join(folder, path)).catch(() => undefined);
    },
  };
}

/** Moves a published run's files to their visible place. Files that were moved before are skipped. */
export async function showQuarantine(
  directory: QuarantineDirectory,
  runId: string,
  receipts: readonly Receipt[],
): Promise<void> {
  const { path, fileSystem } = directory;
  const files = receipts.flatMap(({ quarantine }) => quarantine);
  if (files.length === 0) return;
  const to = join(path, runId);
  await fileSystem.mkdir(to);
  for (const file of files) {
    const from = join(stagedIn(directory, runId), file.path);
    if ((await fileSystem.stat(from)) !== null) await fileSystem.rename(from, join(to, file.path));
  }
  await fileSystem.syncDirectory(to);
  await fileSystem.syncDirectory(path);
}

/** Returns the visible files in the order of the partitions. */
export async function shownQuarantine(
  { path, fileSystem }: QuarantineDirectory,
  runId: string,
): Promise<readonly string[]> {
  const names = (await fileSystem.list(join(path, runId))) ?? [];
  return names.map((name) => join(path, runId, name));
}

/** Removes the staged files of a decided run. */
export async function dropStagedQuarantine(directory: QuarantineDirectory, runId: string): Promise<void> {
  await directory.fileSystem.removeTree(stagedIn(directory, runId));
}

/** Returns the staged files by run. */
export async function stagedQuarantine(
  directory: QuarantineDirectory,
): Promise<readonly { readonly runId: string; readonly path: string }[]> {
  const runs = (await directory.fileSystem.list(join(directory.path, ".staged"))) ?? [];
  return runs.map((runId) => ({ runId, path: stagedIn(directory, runId) }));
}
