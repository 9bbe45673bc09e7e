/**
 * Writes part files of one kind (data, quarantine) of one attempt: each is written completely, synced, read
 * back and counted.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Schema as ArrowSchema, RecordBatch } from "apache-arrow";
import { InfraError } from "../../errors.js";
import type { Format, FormatWriter } from "../../formats/format.js";
import type { StagedFile } from "../../job/partition.js";
import type { WriterProfile } from "../../job/profile.js";
import type { FileSystem } from "../../stores/file-system.js";
import type { ReadHandle } from "../../stores/store.js";
import { stagedSuffix } from "./layout.js";

interface StagedParts {
  /** Appends rows to the open part of these partition values. */
  write(values: readonly string[], batch: RecordBatch): Promise<void>;
  /** Writes one file without rows, so that the schema is known. */
  writeEmpty(schema: ArrowSchema): Promise<void>;
  /** Closes the open parts. Returns the files in the order in which they were closed. */
  finish(): Promise<readonly StagedFile[]>;
}

interface StagedPartsOptions {
  readonly fileSystem: FileSystem;
  readonly format: Format;
  readonly profile: WriterProfile;
  /** Absolute staging area. */
  readonly staging: string;
  /** Directory of the attempt, relative to the staging area; it exists. */
  readonly attempt: string;
  /** `part` or `quarantine`. */
  readonly kind: string;
  readonly partition: number;
}

/** Maximum number of open parts. More distinct values result in more, smaller files. */
const maxOpenParts = 64;
/** Raw bytes in all open parts together, as a multiple of one part's. */
const maxOpenPartBytes = 2;

interface OpenPart {
  readonly values: readonly string[];
  readonly writer: FormatWriter;
}

export function stagedParts(options: StagedPartsOptions): StagedParts {
  const { fileSystem, format, profile } = options;
  /** In order of last use, the least recently used first. */
  const open = new Map<string, OpenPart>();
  const closed: StagedFile[] = [];

  async function partFor(values: readonly string[], schema: ArrowSchema): Promise<OpenPart> {
    const key = JSON.stringify(values);
    const part = open.get(key) ?? { values, writer: await format.createWriter(schema, profile) };
    open.delete(key);
    open.set(key, part);
    return part;
  }

  async function close(part: OpenPart): Promise<void> {
    open.delete(JSON.stringify(part.values));
    const number = String(closed.length).padStart(2, "0");
    const index = String(options.partition).padStart(5, "0");
    const path = join(options.attempt, `${options.kind}-${index}-${number}.${format.name}${stagedSuffix}`);
    const { rows } = part.writer;
    const bytes = part.writer.finish();
    const absolute = join(options.staging, path);
    await fileSystem.writeFile(absolute, bytes);
    closed.push({
      path,
      partitionValues: part.values,
      rows: await recount(absolute, bytes, rows),
      bytes: bytes.byteLength,
      sha256: createHash("sha256").update(bytes).digest("hex"),
    });
  }

  /** Returns the number of rows in the file's own footer, as read back from the file system. */
  async function recount(path: string, written: Uint8Array, rows: number): Promise<number> {
    const found = await fileSystem.readFile(path);
    if (found === null || Buffer.compare(found, written) !== 0)
      throw readBackDiffers(path, "its bytes differ");
    const summary = await format.inspect(handleOf(path, found));
    if (summary.rows !== rows) throw readBackDiffers(path, `it has ${summary.rows} rows instead of ${rows}`);
    return summary.rows;
  }

  async function closeWhatIsTooMuch(): Promise<void> {
    for (const part of open.values()) if (part.writer.rawBytes >= profile.partBytes) await close(part);
    const total = () => [...open.values()].reduce((sum, part) => sum + part.writer.rawBytes, 0);
    while (open.size > maxOpenParts || total() > maxOpenPartBytes * profile.partBytes) {
      const [longestUnused] = open.values();
      if (longestUnused === undefined) return;
      await close(longestUnused);
    }
  }

  return {
    async write(values, batch) {
      for (let row = 0; row < batch.numRows; ) {
        const part = await partFor(values, batch.schema);
        const rows = Math.min(
          batch.numRows - row,
          rowsThatFit(batch, profile.partBytes - part.writer.rawBytes),
        );
        part.writer.write(rows === batch.numRows ? batch : batch.slice(row, row + rows));
        row += rows;
        await closeWhatIsTooMuch();
      }
    },
    async writeEmpty(schema) {
      await partFor([], schema);
    },
    async finish() {
      for (const part of [...open.values()]) await close(part);
      return closed;
    },
  };
}

/**
 * Returns at least one row, and at most as many as the part has space for: a chunk of long vectors fills
 * several parts.
 */
function rowsThatFit(batch: RecordBatch, roomBytes: number): number {
  const bytesPerRow = Math.max(1, batch.data.byteLength / Math.max(1, batch.numRows));
  return Math.max(1, Math.ceil(roomBytes / bytesPerRow));
}

function handleOf(path: string, bytes: Uint8Array): ReadHandle {
  return {
    path,
    size: bytes.byteLength,
    bytesRead: bytes.byteLength,
    readSync: (start, end) => bytes.subarray(start, end),
    read: async (start, end) => bytes.subarray(start, end),
    close: async () => {},
  };
}

function readBackDiffers(path: string, how: string): InfraError {
  return new InfraError("infra.io", `what was written to ${path} does not read back: ${how}`, {
    hint: "Check the disk, its memory and the kernel's log before trying again.",
    details: { path },
  });
}
