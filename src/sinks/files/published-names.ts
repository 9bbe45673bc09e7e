/**
 * Names of published files. They depend on the plan alone, and their order is the input's order: partition,
 * then part. Under `append`, the interval and a digest of the run's identity come first, so that names of
 * different runs differ.
 */
import { createHash } from "node:crypto";
import { basename, extname } from "node:path";
import type { WriteMode } from "../../job/output.js";
import type { Receipt, StagedFile } from "../../job/partition.js";
import type { LoggedFile, LogRun } from "../publication-log/publication-log.js";
import { stagedSuffix } from "./layout.js";
import { partitionPath } from "./partition-path.js";

interface Naming {
  readonly run: LogRun;
  readonly mode: WriteMode;
  readonly partitionBy: readonly string[];
}

/** Returns the files of a run as they will be published, in input order. */
export function publishedFiles(naming: Naming, receipts: readonly Receipt[]): readonly LoggedFile[] {
  return withoutNeedlessEmpties(named(naming, receipts, (receipt) => receipt.files));
}

/**
 * Like {@link publishedFiles}, for quarantine files, which are in a directory for each run and so need no
 * prefix.
 */
export function publishedQuarantine(run: LogRun, receipts: readonly Receipt[]): readonly LoggedFile[] {
  return named({ run, mode: "error", partitionBy: [] }, receipts, (receipt) => receipt.quarantine);
}

function named(
  naming: Naming,
  receipts: readonly Receipt[],
  filesOf: (receipt: Receipt) => readonly StagedFile[],
): readonly LoggedFile[] {
  const inOrder = [...receipts].sort((a, b) => a.ref.partition - b.ref.partition);
  const width = digits(5, inOrder.at(-1)?.ref.partition ?? 0);
  const partWidth = digits(2, Math.max(0, ...inOrder.map((receipt) => filesOf(receipt).length - 1)));
  const prefix = naming.mode === "append" ? `part-${runTag(naming.run)}-` : "part-";
  return inOrder.flatMap((receipt) => {
    const parts = new Map<string, number>();
    return filesOf(receipt).map((file): LoggedFile => {
      const directory = partitionPath(naming.partitionBy, file.partitionValues);
      const part = parts.get(directory) ?? 0;
      parts.set(directory, part + 1);
      const number = `${padded(receipt.ref.partition, width)}-${padded(part, partWidth)}`;
      const name = `${prefix}${number}${extname(basename(file.path, stagedSuffix))}`;
      return {
        path: directory === "" ? name : `${directory}/${name}`,
        staged: file.path,
        partitionValues: file.partitionValues,
        rows: file.rows,
        bytes: file.bytes,
        sha256: file.sha256,
        runId: naming.run.id,
      };
    });
  });
}

/**
 * An attempt without rows leaves an empty file with the schema. One such file is enough, and only if no other
 * file exists.
 */
function withoutNeedlessEmpties(files: readonly LoggedFile[]): readonly LoggedFile[] {
  const filled = files.filter((file) => file.rows > 0);
  return filled.length > 0 ? filled : files.slice(0, 1);
}

/**
 * Returns `2026-01-15T000000.000Z-1f0c9a3e` for an interval, or the beginning of the fingerprint for a run
 * without one.
 */
function runTag(run: LogRun): string {
  const identity = `${run.jobId}\n${run.scope}\n${run.generation}`;
  const digest = createHash("sha256").update(identity).digest("hex").slice(0, 8);
  const when =
    run.interval?.start.replaceAll(/[^0-9A-Za-z.+-]/g, "") ?? run.scope.replaceAll(/\W/g, "").slice(0, 12);
  return `${when}-${digest}`;
}

function digits(least: number, largest: number): number {
  return Math.max(least, String(largest).length);
}

function padded(value: number, width: number): string {
  return String(value).padStart(width, "0");
}
