/**
 * Appends records to the journal of a claim in effect, durably and in order.
 *
 * Group commit: while one line is being synced, further records gather for the next line. A line begins only
 * after the previous one was synced. After the first error nothing more is written.
 */
import { asNightshiftError, type NightshiftError } from "../../errors.js";
import type { AppendFile, FileSystem } from "../../stores/file-system.js";
import { claimLost } from "../refusals.js";
import { noMoreWrites } from "./journal-errors.js";
import { encodeLine } from "./line.js";
import { type JournalRecord, journalVersion } from "./records.js";

export interface JournalWriter {
  /**
   * Resolves when the records, and all records appended before them, are durable and the claim was still in
   * effect after that. Without records, it only waits for the earlier ones.
   * @throws InfraError `infra.claim-lost`, or the error of the disk
   */
  append(records: readonly JournalRecord[]): Promise<void>;
  /**
   * The error of every further append: a write failed or the claim was lost, and memory may be ahead of the
   * disk.
   */
  readonly refusal: NightshiftError | null;
  /** Waits for pending records, then closes the file. */
  close(): Promise<void>;
}

export interface JournalWriterOptions {
  readonly fileSystem: FileSystem;
  readonly runId: string;
  /** Opened at its end, behind the adopted record. */
  readonly file: AppendFile;
  /** Path of the journal that would supersede this one. */
  readonly successorPath: string;
}

interface Waiting {
  readonly records: readonly JournalRecord[];
  resolve(): void;
  reject(error: NightshiftError): void;
}

export function journalLine(records: readonly JournalRecord[]): string {
  return encodeLine({ v: journalVersion, records });
}

export function journalWriter({
  fileSystem,
  runId,
  file,
  successorPath,
}: JournalWriterOptions): JournalWriter {
  let waiting: Waiting[] = [];
  let flushing: Promise<void> | null = null;
  let firstError: NightshiftError | null = null;

  async function checkClaim(): Promise<void> {
    if ((await fileSystem.stat(successorPath)) !== null) throw claimLost(runId);
  }

  /** The check after the sync is the decisive one. The check before it only avoids writing void records. */
  async function commit(records: readonly JournalRecord[]): Promise<void> {
    if (records.length > 0) {
      await checkClaim();
      await file.append(journalLine(records));
      await file.sync();
    }
    await checkClaim();
  }

  async function flush(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      if (firstError === null) {
        await commit(batch.flatMap((one) => one.records)).catch((thrown: unknown) => {
          firstError = asNightshiftError(thrown);
        });
        if (firstError !== null) for (const one of batch) one.reject(firstError);
        else for (const one of batch) one.resolve();
      } else {
        const refusal = afterError(runId, firstError);
        for (const one of batch) one.reject(refusal);
      }
    }
    flushing = null;
  }

  return {
    append(records) {
      return new Promise<void>((resolve, reject) => {
        waiting.push({ records, resolve, reject });
        flushing ??= flush();
      });
    },
    get refusal() {
      return firstError === null ? null : afterError(runId, firstError);
    },
    async close() {
      await flushing;
      await file.close();
    },
  };
}

function afterError(runId: string, first: NightshiftError): NightshiftError {
  return first.code === "infra.claim-lost" ? claimLost(runId) : noMoreWrites(runId, first);
}
