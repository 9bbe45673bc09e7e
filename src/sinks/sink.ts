/** Contract of sinks, which store predictions. Workers stage; only a coordinator publishes. */
import type { Schema as ArrowSchema, RecordBatch } from "apache-arrow";
import type { Chunk, QuarantinedRows } from "../data/chunk.js";
import type { Schema } from "../data/column.js";
import type { RowsTable } from "../host/host.js";
import type { Job } from "../job/job.js";
import type { Receipt, RowChanges, StagedOutput } from "../job/partition.js";
import type { PartitionTask } from "../job/plan.js";
import type { Run } from "../job/run.js";

/** The coordinator's half: makes runs visible, exactly once. It does not read data. */
export interface Sink {
  /**
   * Refuses what could never be published, before anything runs: an existing target under `error`, a
   * directory that Nightshift did not create, a file system without hard links, columns that a table lacks.
   * @param columns of the predictions
   * @throws SpecError `refused.*`, `postgres.*`
   */
  check(run: Run, columns?: Schema): Promise<void>;
  /**
   * Describes what publishing these columns would change, one sentence each; empty if it is obvious. Changes
   * nothing. @throws as `check`, as far as possible without a run
   */
  outlook(job: Pick<Job, "interval">, columns: Schema): Promise<readonly string[]>;
  /**
   * Decides `commit` unless an abort came first. Idempotent; completes a publication that was interrupted.
   */
  publish(
    run: Run,
    fingerprint: string,
    receipts: readonly Receipt[],
    details?: PublicationDetails,
  ): Promise<Decision>;
  /** Competes with `publish` for the same record; returns the winner. Idempotent. */
  abort(run: Run): Promise<Decision>;
  /**
   * Completes showing the published state of the record, if a coordinator died before it did. Called by a
   * coordinator that adopts another one's publication. Idempotent.
   */
  seeThrough(): Promise<void>;
  /** Returns the decision on one run, or `null` if there is none. For resuming after a lost answer. */
  lookup(runId: string): Promise<Decision | null>;
  /**
   * Returns the live publication of (job, scope) of any generation; publications that were rolled back do not
   * count. Works without a ledger.
   */
  published(jobId: string, scope: string): Promise<Publication | null>;
  /**
   * Shows again what was visible before the last publications, atomically.
   * @param last number of publications to hide, from 1 (the default) to `keptForRollback`
   * @throws SpecError `refused.nothing-to-roll-back`
   */
  rollback(last?: number): Promise<RolledBack>;
  /** Returns the live files with absolute paths, in output order; empty for a table. */
  files(): Promise<readonly LiveFile[]>;
  /** Compares all live files with the record, by size and digest; empty for a table. Reads every byte. */
  verify(): Promise<Verified>;
  /** Returns the quarantine files of a published run with absolute paths; empty if quarantine is a table. */
  quarantineFiles(runId: string): Promise<readonly string[]>;
  /**
   * Returns the first quarantined rows of a published run from a table; `null` if they are files, or if there
   * are none.
   */
  quarantinedRows(runId: string, limit: number): Promise<RowsTable | null>;
  /**
   * Removes unreachable data: staging of decided runs and of superseded attempts, versions beyond the kept
   * ones.
   * @param liveAttempts the attempts of undecided runs that were accepted or may still be. Read after the
   * staging area was listed: an attempt is in the ledger before it stages, so one that starts meanwhile is
   * never taken for dead.
   * @param givenUp with `dryRun` only: undecided runs that are listed as if they were aborted
   */
  collect(
    liveAttempts: () => Promise<ReadonlySet<string>>,
    dryRun: boolean,
    givenUp?: ReadonlySet<string>,
  ): Promise<Collected>;
}

/** Details of a publication in its manifest. */
export interface PublicationDetails {
  /** Columns of the output in order, `partition_by` columns included. */
  readonly columns: Schema;
  readonly modelSha256: string;
}

export interface Decision {
  readonly outcome: "commit" | "abort";
  readonly publication: number;
  /** Set if a later rollback hid it. */
  readonly rolledBack?: true;
  /** For an upsert into an existing table. */
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
 * Number of publications that can be rolled back, counted from the visible one. What they replaced takes
 * space until then: with `replace`, as much as that number of outputs.
 */
export const keptForRollback = 3;

export interface RolledBack {
  readonly publication: number;
  /** The run that is visible now, `null` if there is none. */
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
  /** Size of the files that exist. */
  readonly bytes: number;
  readonly damaged: readonly DamagedFile[];
}

export interface DamagedFile {
  /** Relative to the output. */
  readonly path: string;
  /** Absolute path of the stored file, to which every version links. */
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

/** A row that the sink cannot store, with the reason: column and cause, without the row's values. */
export interface UnfitRow {
  /** Position in the batch. */
  readonly row: number;
  readonly column: string;
  readonly message: string;
}

export interface SinkWriter {
  /**
   * Called with each batch before it is written; returns the rows that would fail the write. Absent if every
   * row can be stored.
   */
  unfit?(batch: RecordBatch): readonly UnfitRow[];
  write(chunk: Chunk): Promise<void>;
  quarantine(rows: QuarantinedRows): Promise<void>;
  /** Makes everything durable, re-reads footers and counts rows. Readers still cannot see it. */
  stage(): Promise<Staged>;
  /** Best effort; never throws. */
  discard(): Promise<void>;
}

export type Staged = StagedOutput & StagedCounts;

interface StagedCounts {
  /** Number of predictions, counted again in the staged data. */
  readonly rows: number;
  readonly quarantined: number;
  readonly bytes: number;
}
