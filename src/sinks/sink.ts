/** Where predictions go. Workers stage; only a coordinator publishes. */
import type { Schema as ArrowSchema, RecordBatch } from "apache-arrow";
import type { Chunk, QuarantinedRows } from "../data/chunk.js";
import type { Schema } from "../data/column.js";
import type { RowsTable } from "../host/host.js";
import type { Job } from "../job/job.js";
import type { Receipt, RowChanges, StagedFile, StagedRows } from "../job/partition.js";
import type { PartitionTask } from "../job/plan.js";
import type { Run } from "../job/run.js";

/** The coordinator's half: makes runs visible, exactly once. Opens no data. */
export interface Sink {
  /**
   * Refuses what could never be published, before anything runs: a target that exists under `error`, a foreign
   * directory, a file system without hard links, columns that a table lacks. @throws SpecError `refused.*`, `postgres.*`
   * @param columns of the predictions
   */
  check(run: Run, columns?: Schema): Promise<void>;
  /**
   * What publishing these columns would do to what is there, a sentence each, for people; nothing where it goes without
   * saying. Changes nothing. @throws as `check`, as far as that is known without a run
   */
  outlook(job: Pick<Job, "interval">, columns: Schema): Promise<readonly string[]>;
  /** Decides `commit` unless an abort came first. Idempotent; completes a publication that died half-way. */
  publish(
    run: Run,
    fingerprint: string,
    receipts: readonly Receipt[],
    details?: PublicationDetails,
  ): Promise<Decision>;
  /** Competes with `publish` for the same record; returns the winner. Idempotent. */
  abort(run: Run): Promise<Decision>;
  /**
   * Finishes showing what the record says is published, where a coordinator died before it did. Called by a coordinator
   * that adopts the publication of another one. Idempotent.
   */
  seeThrough(): Promise<void>;
  /** The decision on one run, or `null` while there is none. For resuming after a lost answer. */
  lookup(runId: string): Promise<Decision | null>;
  /** The live publication of (job, scope), whatever generation; rolled-back ones do not count. Works without a ledger. */
  published(jobId: string, scope: string): Promise<Publication | null>;
  /**
   * Makes what was visible before the last publications visible again, all at once or not at all.
   * @param last how many publications to hide, from 1 (the default) to `keptForRollback`
   * @throws SpecError `refused.nothing-to-roll-back`
   */
  rollback(last?: number): Promise<RolledBack>;
  /** Live files, absolute, in output order; none for a table. */
  files(): Promise<readonly LiveFile[]>;
  /** Compares all live files with the record, by size and digest; nothing for a table. Reads every byte. */
  verify(): Promise<Verified>;
  /** Quarantine files of a published run, absolute; none where it is a table. */
  quarantineFiles(runId: string): Promise<readonly string[]>;
  /** The first quarantined rows of a published run that are in a table; `null` where they are files, or none. */
  quarantinedRows(runId: string, limit: number): Promise<RowsTable | null>;
  /**
   * Removes what nobody can reach: staging of decided runs and of superseded attempts, versions past the kept ones.
   * @param liveAttempts the attempts of undecided runs that were accepted or may still be. Asked after the staging area
   * was listed: an attempt is in the ledger before it stages, so one that starts meanwhile is never taken for dead.
   * @param givenUp with `dryRun` only: undecided runs that are listed as if they were aborted
   */
  collect(
    liveAttempts: () => Promise<ReadonlySet<string>>,
    dryRun: boolean,
    givenUp?: ReadonlySet<string>,
  ): Promise<Collected>;
}

/** What a publication says about itself in its manifest. */
export interface PublicationDetails {
  /** Columns of the output in order, `partition_by` columns included. */
  readonly columns: Schema;
  readonly modelSha256: string;
}

export interface Decision {
  readonly outcome: "commit" | "abort";
  readonly publication: number;
  /** A later rollback hid it. */
  readonly rolledBack?: true;
  /** Of an upsert into a table that was there. */
  readonly changes?: RowChanges;
}

export interface Publication {
  readonly publication: number;
  readonly runId: string;
  readonly generation: number;
  readonly fingerprint: string;
  readonly at: string;
}

/**
 * How many publications can be taken back, counted from the visible one. What they replaced takes space until then: with
 * `replace`, as much as that many outputs.
 */
export const keptForRollback = 3;

export interface RolledBack {
  readonly publication: number;
  /** The run that is visible now, `null` when nothing is. */
  readonly visibleRunId: string | null;
  /** Rows that the visible run wrote when it was published; absent for files. */
  readonly visibleRows?: number;
  /** Newest first. */
  readonly hiddenRunIds: readonly string[];
}

export interface LiveFile {
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
}

export interface Verified {
  readonly files: number;
  /** Of those that are there. */
  readonly bytes: number;
  readonly damaged: readonly DamagedFile[];
}

export interface DamagedFile {
  /** Relative to the output. */
  readonly path: string;
  /** Absolute: what every version links to. */
  readonly stored: string;
  readonly problem: "missing" | "size" | "digest";
  readonly expectedBytes: number;
  readonly foundBytes: number | null;
}

export interface Collected {
  readonly removed: readonly string[];
  readonly bytes: number;
}

/** The worker's half: every attempt opens its own writer and writes under its own UUID. */
export interface StagingSink {
  openWriter(task: PartitionTask, attemptId: string, columns: ArrowSchema): Promise<SinkWriter>;
}

/** A row that the sink cannot store, and why: column and reason, without the row's values. */
export interface UnfitRow {
  /** Place in the batch. */
  readonly row: number;
  readonly column: string;
  readonly message: string;
}

export interface SinkWriter {
  /** Called with each batch before it is written: rows that would end the write. Absent where every row can be stored. */
  unfit?(batch: RecordBatch): readonly UnfitRow[];
  write(chunk: Chunk): Promise<void>;
  quarantine(rows: QuarantinedRows): Promise<void>;
  /** Makes it all durable, re-reads footers and counts. Still unreachable for readers. */
  stage(): Promise<Staged>;
  /** Best effort; never throws. */
  discard(): Promise<void>;
}

export interface Staged {
  readonly files: readonly StagedFile[];
  readonly quarantine: readonly StagedFile[];
  /** For a database, in place of files. */
  readonly staged?: StagedRows;
  /** Predictions, counted again in what was staged. */
  readonly rows: number;
  readonly quarantined: number;
  readonly bytes: number;
}
