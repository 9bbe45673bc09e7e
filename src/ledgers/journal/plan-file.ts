/**
 * Stores the plan of a run in a file of its own: one line for the plan, then one line for each partition,
 * each with its own checksum. The file is written once, finished before a record names it, and never changed.
 */
import { createHash } from "node:crypto";
import type { Partition } from "../../job/partition.js";
import { inPlanOrder, type Plan } from "../../job/plan.js";
import type { FileSystem } from "../../stores/file-system.js";
import { corrupt, futureVersion } from "./journal-errors.js";
import { decodeTerminatedLine, encodeLine, type LineBody } from "./line.js";
import { readLines } from "./read-lines.js";
import { journalVersion, type PlanFile } from "./records.js";

/**
 * Offset of each partition's line, so that one can be loaded without reading the others. Takes 16 bytes a
 * partition.
 */
export interface PlanIndex {
  /** One entry more than there are partitions: the last one is the end of the file. */
  readonly offsets: Float64Array;
  readonly rows: Float64Array;
}

const bufferBytes = 256 * 1024;

/** Streams a plan into a new file. Memory use does not grow with the plan, except for the index. */
export async function writePlanFile(
  fileSystem: FileSystem,
  directory: string,
  file: string,
  plan: Plan,
  partitions: AsyncIterable<Partition>,
): Promise<{ readonly file: PlanFile; readonly index: PlanIndex }> {
  const path = `${directory}/${file}`;
  const out = await fileSystem.create(path);
  const digest = createHash("sha256");
  const offsets: number[] = [];
  const rows: number[] = [];
  let buffer: string[] = [];
  let buffered = 0;
  let bytes = 0;

  async function flush(): Promise<void> {
    const text = buffer.join("");
    digest.update(text);
    await out.append(text);
    buffer = [];
    buffered = 0;
  }

  async function put(line: string): Promise<void> {
    buffer.push(line);
    bytes += Buffer.byteLength(line);
    buffered += line.length;
    if (buffered >= bufferBytes) await flush();
  }

  try {
    await put(encodeLine({ v: journalVersion, plan }));
    for await (const partition of inPlanOrder(plan, partitions)) {
      offsets.push(bytes);
      rows.push(partition.rows);
      await put(encodeLine({ partition }));
    }
    await flush();
    await out.sync();
    await out.close();
    await fileSystem.syncDirectory(directory);
  } catch (error) {
    await out.close().catch(() => undefined);
    await fileSystem.unlink(path).catch(() => undefined);
    throw error;
  }
  return {
    file: { file, bytes, sha256: digest.digest("hex"), partitions: rows.length },
    index: { offsets: Float64Array.from([...offsets, bytes]), rows: Float64Array.from(rows) },
  };
}

export async function readPlanHeader(
  fileSystem: FileSystem,
  directory: string,
  file: PlanFile,
): Promise<Plan> {
  const path = `${directory}/${file.file}`;
  for await (const line of readLines(fileSystem, path, { start: 0, end: file.bytes }))
    return toPlan(path, line.body);
  throw corrupt(path, 1, "the plan is missing");
}

/** Reads the whole file once and compares it with the recorded digest. */
export async function indexPlanFile(
  fileSystem: FileSystem,
  directory: string,
  file: PlanFile,
): Promise<PlanIndex> {
  const path = `${directory}/${file.file}`;
  const offsets = new Float64Array(file.partitions + 1);
  const rows = new Float64Array(file.partitions);
  const digest = createHash("sha256");
  let lines = 0;
  for await (const { start, bytes, body } of readLines(fileSystem, path, { start: 0, end: file.bytes })) {
    digest.update(bytes);
    if (lines === 0) toPlan(path, body);
    else {
      offsets[lines - 1] = start;
      rows[lines - 1] = toPartition(path, body, lines - 1).rows;
    }
    lines += 1;
  }
  offsets[file.partitions] = file.bytes;
  if (digest.digest("hex") !== file.sha256)
    throw corrupt(path, lines, "the plan is not the one that was saved");
  return { offsets, rows };
}

export async function readPartition(
  fileSystem: FileSystem,
  directory: string,
  file: PlanFile,
  index: PlanIndex,
  partition: number,
): Promise<Partition> {
  const path = `${directory}/${file.file}`;
  const start = index.offsets[partition] ?? 0;
  const end = index.offsets[partition + 1] ?? 0;
  const bytes = await fileSystem.readRange(path, start, end);
  const body = bytes === null ? null : decodeTerminatedLine(bytes);
  if (body === null) throw corrupt(path, partition + 2, "the line's checksum is wrong");
  return toPartition(path, body, partition);
}

function toPlan(path: string, body: LineBody): Plan {
  if (body.v !== journalVersion) throw futureVersion(path, 1, `plan version ${JSON.stringify(body.v)}`);
  return body.plan as Plan;
}

function toPartition(path: string, body: LineBody, index: number): Partition {
  const partition = body.partition as Partition | undefined;
  if (partition?.index !== index) throw corrupt(path, index + 2, `partition ${index} is missing`);
  return partition;
}
