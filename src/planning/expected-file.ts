/** A Parquet file with predictions of the training library: pinned, bounded, and read like an input of its own. */
import { createHash } from "node:crypto";
import type { Chunk } from "../data/chunk.js";
import type { Schema } from "../data/column.js";
import { DataError, SpecError } from "../errors.js";
import type { Partition } from "../job/partition.js";
import type { Asset } from "../job/plan.js";

import type { Source } from "../sources/source.js";
import { bytes, count } from "../text/human.js";
import type { PlannerParts } from "./prepared-job.js";
import { refuseTableFile } from "./refuse-table-file.js";

export interface OpenedFile {
  readonly asset: Asset;
  readonly schema: Schema;
  readonly rows: number;
  /** Streams the rows with these columns, as the file has them. */
  read(columns: readonly string[], chunkRows: number, signal: AbortSignal): AsyncIterable<Chunk>;
}

const mostCheckedRows = 100_000;
const mostBytes = 256 * 1024 * 1024;
const blockBytes = 8 * 1024 * 1024;

/**
 * Opens the file and takes its digest. A file that changes between the digest and the last row is DataError
 * `source.changed`.
 * @throws SpecError `check.file-not-found`, `check.too-large`, `source.table-format`; DataError `check.empty`
 */
export async function openExpected(
  file: string,
  parts: Pick<PlannerParts, "openFile" | "store" | "tables">,
  signal: AbortSignal,
): Promise<OpenedFile> {
  const found = await parts.store.stat(file);
  if (found === null)
    throw new SpecError(
      "check.file-not-found",
      `there is no file ${file}, which predictions are compared with`,
      {
        hint: "Make it with the training library, as docs/export.md shows, or correct the path.",
        details: { file },
      },
    );
  await refuseTableFile(file, parts);
  if (found.size > mostBytes) throw tooLarge(file, bytes(found.size));
  const source = await parts.openFile(file);
  const schema = await source.schema();
  const partitions = await partitionsOf(source, signal);
  const rows = partitions.reduce((sum, partition) => sum + partition.rows, 0);
  if (rows > mostCheckedRows) throw tooLarge(file, `${count(rows)} rows`);
  if (rows === 0)
    throw new DataError("check.empty", `${file} has no rows to compare predictions with`, {
      hint: "Write some hundred rows with the training library's predictions.",
      details: { file },
    });
  return {
    asset: { role: "check", path: file, size: found.size, sha256: await sha256Of(file, parts) },
    schema,
    rows,
    async *read(columns, chunkRows) {
      for (const partition of partitions) yield* source.read(partition, { columns, chunkRows }, signal);
    },
  };
}

async function partitionsOf(source: Source, signal: AbortSignal): Promise<readonly Partition[]> {
  const partitions: Partition[] = [];
  const request = { columns: [], partitionRows: "auto", minPartitions: 1 } as const;
  for await (const partition of source.plan(request, signal)) partitions.push(partition);
  return partitions;
}

async function sha256Of(file: string, { store }: Pick<PlannerParts, "store">): Promise<string> {
  const hash = createHash("sha256");
  const handle = await store.open(file);
  try {
    for (let start = 0; start < handle.size; start += blockBytes)
      hash.update(await handle.read(start, Math.min(handle.size, start + blockBytes)));
  } finally {
    await handle.close();
  }
  return hash.digest("hex");
}

function tooLarge(file: string, what: string): SpecError {
  return new SpecError(
    "check.too-large",
    `${file} has ${what}; predictions are compared with at most ${count(mostCheckedRows)} rows and ${bytes(mostBytes)}`,
    { hint: "Write fewer rows: some hundred that differ show a wrong export.", details: { file } },
  );
}
