/** A target on a real disk, and runs that stage real files for it. */

import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeVector, type RecordBatch, Table, tableFromIPC, Utf8, vectorFromArray } from "apache-arrow";
import { onTestFinished } from "vitest";
import type { JoinedFile } from "../../src/host/host.js";
import type { Interval } from "../../src/job/job.js";
import type { Receipt } from "../../src/job/partition.js";
import type { PartitionTask } from "../../src/job/plan.js";
import { defaultWriterProfile } from "../../src/job/profile.js";
import type { Run } from "../../src/job/run.js";
import { type FileSinkOptions, fileSink } from "../../src/sinks/files/file-sink.js";
import { stagingFileSink } from "../../src/sinks/files/staging-file-sink.js";
import type { Sink } from "../../src/sinks/sink.js";
import type { FileSystem } from "../../src/stores/file-system.js";
import { localFileSystem } from "../../src/stores/local/local-file-system.js";
import type { Clock } from "../../src/time/clock.js";
import { arrowFileFormat } from "./arrow-file-format.js";
import { jobWith } from "./jobs.js";

/** A directory of the test's own, removed when the test ends. */
export function freshDirectory(): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), "nightshift-sink-")));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function countingIds(prefix = "id"): () => string {
  let next = 0;
  return () => `${prefix}${next++}`;
}

/** A clock that ticks a second at each look. */
function tickingClock(): Clock {
  let ticks = 0;
  return {
    now: () => new Date(Date.UTC(2026, 0, 1) + 1000 * ticks++),
    monotonicMs: () => 1000 * ticks++,
  };
}

export interface Target {
  readonly to: string;
  readonly shape?: "directory" | "file";
  readonly partitionBy?: readonly string[];
  readonly fileSystem?: FileSystem;
  readonly newId?: () => string;
}

export function sinkFor(target: Target, mode: FileSinkOptions["mode"]): Sink {
  const fileSystem = target.fileSystem ?? localFileSystem();
  return fileSink({
    to: target.to,
    shape: target.shape ?? "directory",
    mode,
    partitionBy: target.partitionBy ?? [],
    fileSystem,
    clock: tickingClock(),
    newId: target.newId ?? countingIds(Math.random().toString(36).slice(2, 10)),
    join: joining(fileSystem),
  });
}

/** What a worker host does for the sink: joins in a format, through the file layer. */
function joining(fileSystem: FileSystem): FileSinkOptions["join"] {
  return async (parts, to): Promise<JoinedFile> => {
    const file = await fileSystem.create(to);
    const digest = createHash("sha256");
    let bytes = 0;
    const handles = await Promise.all(parts.map((path) => handleOf(fileSystem, path)));
    const rows = await arrowFileFormat.join(handles, async (piece) => {
      digest.update(piece);
      bytes += piece.byteLength;
      await file.append(piece);
    });
    await file.sync();
    await file.close();
    return { rows, bytes, sha256: digest.digest("hex") };
  };
}

async function handleOf(fileSystem: FileSystem, path: string) {
  const bytes = (await fileSystem.readFile(path)) ?? new Uint8Array();
  const read = async (start: number, end: number) => bytes.subarray(start, end);
  return { path, size: bytes.byteLength, bytesRead: 0, read, close: async () => {} };
}

export function runOf(id: string, given: { scope?: string; generation?: number; day?: string } = {}): Run {
  const interval = given.day === undefined ? null : intervalOf(given.day);
  const scope = given.scope ?? interval?.start ?? `fingerprint-of-${id}`;
  return {
    id,
    key: { jobId: "job", scope, generation: given.generation ?? 1 },
    jobName: "nightly",
    specPath: null,
    target: "out",
    trigger: "library",
    interval,
    job: jobWith(),
    guess: false,
    createdAt: "2026-01-01T00:00:00.000Z",
  };
}

function intervalOf(day: string): Interval {
  const start = new Date(`${day}T00:00:00.000Z`);
  return { start: start.toISOString(), end: new Date(start.getTime() + 86_400_000).toISOString(), ds: day };
}

export interface PartitionRows {
  readonly ids: readonly number[];
  /** One for each row, or one for all; for `partition_by: [dt]`. */
  readonly dt?: readonly string[];
  readonly quarantined?: readonly number[];
}

export function batchOf(rows: PartitionRows): RecordBatch {
  const columns = {
    id: makeVector(BigInt64Array.from(rows.ids, BigInt)),
    score: makeVector(Float32Array.from(rows.ids, (id) => id / 8)),
    ...(rows.dt === undefined
      ? {}
      : {
          dt: vectorFromArray(
            rows.ids.map((_, at) => rows.dt?.[at] ?? rows.dt?.[0] ?? null),
            new Utf8(),
          ),
        }),
  };
  const [batch] = new Table(columns).batches;
  if (batch === undefined) throw new Error("a table of one batch");
  return batch;
}

/** Does what a worker does for each partition, and returns the receipts. */
export async function stageRun(
  target: Target,
  run: Run,
  partitions: readonly PartitionRows[],
  attemptOf: (partition: number) => string = (partition) => `${run.id}-attempt-${partition}`,
): Promise<readonly Receipt[]> {
  const receipts: Receipt[] = [];
  for (const [index, rows] of partitions.entries()) {
    receipts.push(await stagePartition(target, run, index, rows, attemptOf(index)));
  }
  return receipts;
}

export async function stagePartition(
  target: Target,
  run: Run,
  index: number,
  rows: PartitionRows,
  attemptId: string,
): Promise<Receipt> {
  const staging = stagingFileSink({
    to: target.to,
    partitionBy: target.partitionBy ?? [],
    format: arrowFileFormat,
    fileSystem: target.fileSystem ?? localFileSystem(),
  });
  const batch = batchOf(rows);
  const writer = await staging.openWriter(taskOf(run, index), attemptId, batch.schema);
  if (rows.ids.length > 0) await writer.write({ batch, origin: { file: "/in.parquet", firstRow: 0 } });
  const bad = rows.quarantined ?? [];
  await writer.quarantine({
    key: null,
    file: "/in.parquet",
    rowNumbers: bad,
    reasons: bad.map(() => "null_value"),
    messages: bad.map((row) => `row ${row} of /in.parquet has no value for x`),
  });
  const staged = await writer.stage();
  return {
    ref: { runId: run.id, partition: index, epoch: 1 },
    attemptId,
    files: staged.files,
    quarantine: staged.quarantine,
    rows: {
      read: rows.ids.length + bad.length,
      predicted: staged.rows,
      quarantined: staged.quarantined,
      filtered: 0,
    },
    reasons: bad.length === 0 ? {} : { null_value: bad.length },
    stats: {
      seconds: { read: 0, hook: 0, bind: 0, predict: 0, attach: 0, write: 0, stage: 0 },
      bytesRead: 0,
      bytesWritten: staged.bytes,
    },
  };
}

/** The parts of a task that a staging sink looks at; the rest of a plan is of no concern to it. */
export function taskOf(
  run: Run,
  partition: number,
  partBytes = defaultWriterProfile.partBytes,
): PartitionTask {
  const writer = { ...defaultWriterProfile, partBytes };
  return {
    run,
    ref: { runId: run.id, partition, epoch: 1 },
    plan: { profile: { writer } },
  } as unknown as PartitionTask;
}

/** Relative path -> ids in the file, of everything a reader would take for data. Throws where a file is not whole. */
export function readOutput(path: string): { readonly [file: string]: readonly number[] } {
  return Object.fromEntries(dataFiles(path).map((file) => [file, idsIn(join(path, file))]));
}

export function idsIn(file: string): readonly number[] {
  const ids = tableFromIPC(readFileSync(file)).getChild("id");
  return ids === null ? [] : [...ids].map(Number);
}

function dataFiles(root: string, below = ""): readonly string[] {
  return readdirSync(join(root, below), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = below === "" ? entry.name : `${below}/${entry.name}`;
      if (entry.name.startsWith("_") || entry.name.startsWith(".")) return [];
      return entry.isDirectory() ? dataFiles(root, path) : [path];
    });
}
