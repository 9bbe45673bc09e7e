/**
 * Checks once more what a run will publish, before the log is written: a commit must be possible to carry
 * out.
 */
import { join } from "node:path";
import { DataError, InfraError, SpecError } from "../../errors.js";
import type { JoinedFile } from "../../host/host.js";
import type { Receipt } from "../../job/partition.js";
import type { FileSystem } from "../../stores/file-system.js";
import type { LoggedFile, LogRun } from "../publication-log/publication-log.js";
import { joinedPrefix } from "./collecting.js";
import { type Layout, stagedSuffix } from "./layout.js";

export type Join = (parts: readonly string[], to: string) => Promise<JoinedFile>;

/** @throws InfraError `infra.staged-missing` */
export async function assertStaged(
  fileSystem: FileSystem,
  layout: Layout,
  files: readonly LoggedFile[],
): Promise<void> {
  for (const file of files) {
    const path = join(layout.staging, file.staged);
    const stat = await fileSystem.stat(path);
    if (stat?.kind === "file" && stat.size === file.bytes) continue;
    const found = stat === null ? "is gone" : `has ${stat.size} bytes instead of ${file.bytes}`;
    throw new InfraError("infra.staged-missing", `a staged file ${found}: ${path}`, {
      hint: "The hidden directory beside the output was changed by hand. Score again with --restart.",
      details: { path },
    });
  }
}

/**
 * Checks that each partition occurs once, and that its files have as many rows as its receipt counts. @throws
 * DataError `data.rows-lost`
 */
export function assertReceiptsAddUp(receipts: readonly Receipt[]): void {
  const seen = new Set<number>();
  for (const { ref, files, quarantine, rows } of receipts) {
    if (seen.has(ref.partition)) throw new Error(`two receipts for partition ${ref.partition}`);
    seen.add(ref.partition);
    const [written, quarantined] = [sumRows(files), sumRows(quarantine)];
    if (written === rows.predicted && quarantined === rows.quarantined) continue;
    throw new DataError(
      "data.rows-lost",
      `partition ${ref.partition} staged ${written} + ${quarantined} rows but counted ${rows.predicted} + ${rows.quarantined}`,
      { details: { partition: ref.partition } },
    );
  }
}

/** Joins the parts into one file named like the output. A single part is used as it is. */
export async function joinedFile(
  fileSystem: FileSystem,
  layout: Layout,
  run: LogRun,
  parts: readonly LoggedFile[],
  joinParts: Join,
  newId: () => string,
): Promise<LoggedFile> {
  const [first] = parts;
  if (first === undefined) throw nothingToWrite(layout);
  if (parts.length === 1) return { ...first, path: layout.name };
  const staged = join(run.id, `${joinedPrefix}${newId()}`, `${layout.name}${stagedSuffix}`);
  const to = join(layout.staging, staged);
  const directory = join(to, "..");
  await fileSystem.mkdir(directory);
  const joined = await joinParts(
    parts.map((part) => join(layout.staging, part.staged)),
    to,
  );
  if (joined.rows !== sumRows(parts)) {
    throw new DataError(
      "data.rows-lost",
      `the joined file has ${joined.rows} rows, its parts ${sumRows(parts)}`,
      {
        details: { path: to },
      },
    );
  }
  await fileSystem.syncDirectory(directory);
  await fileSystem.syncDirectory(join(directory, ".."));
  const { bytes, rows, sha256 } = joined;
  return { path: layout.name, staged, partitionValues: [], rows, bytes, sha256, runId: run.id };
}

function sumRows(files: readonly { readonly rows: number }[]): number {
  return files.reduce((sum, file) => sum + file.rows, 0);
}

function nothingToWrite(layout: Layout): SpecError {
  return new SpecError("refused.empty-output", `there is no row to write to ${layout.to}`, {
    hint: "Write to a directory instead of one file, or set `on_empty: skip`.",
    details: { path: layout.to },
  });
}
