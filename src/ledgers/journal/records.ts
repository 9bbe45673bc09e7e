/**
 * The records of a journal. A record states what happened, not what to do about it. `fold.ts` turns records
 * into states; only `transitions.ts` creates them.
 *
 * A line holds the records of one batch: `{"crc":"…","v":1,"records":[…]}`. A version that changes the
 * meaning of a record raises `v`; a version that adds a record adds a type. Versions that do not know them
 * refuse both.
 */
import type { ErrorRecord } from "../../errors.js";
import type { AttemptFailure, PlanTotals, Receipt, RowCounts } from "../../job/partition.js";
import type { Owner } from "../../job/run.js";

export const journalVersion = 1;

export type JournalRecord =
  | Claimed
  | Adopted
  | Planned
  | Leased
  | Started
  | Accepted
  | Fenced
  | AttemptFailed
  | Revived
  | Publishing
  | Published
  | RunFailed
  | Plain<"cancelled">
  | Plain<"dropped">
  | Plain<"released">;

/** The first record of every journal: the process that claims the run. */
export interface Claimed {
  readonly type: "claimed";
  readonly at: string;
  readonly owner: Owner;
}

/** From this record on the claim is in effect. It states which parts of the earlier journals are valid. */
export interface Adopted {
  readonly type: "adopted";
  readonly at: string;
  readonly previous: Honoured | null;
}

/**
 * The valid part of an earlier journal: its lines before `bytes`, then `tail`. The tail is a copy of the
 * journal's last whole line, the only one that its writer may not have synced. Everything else in the file is
 * void.
 */
export interface Honoured {
  readonly journal: number;
  readonly bytes: number;
  readonly tail: readonly JournalRecord[];
}

export interface Planned {
  readonly type: "planned";
  readonly at: string;
  readonly plan: PlanFile;
  readonly fingerprint: string;
  readonly totals: PlanTotals;
  readonly threads: number;
  readonly provider: string;
  readonly found: readonly string[];
  readonly warnings: readonly string[];
}

/** The finished file that contains the plan and its partitions. */
export interface PlanFile {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly partitions: number;
}

export interface Leased {
  readonly type: "leased";
  readonly at: string;
  readonly partition: number;
  readonly epoch: number;
}

export interface Started {
  readonly type: "started";
  readonly at: string;
  readonly partition: number;
  readonly epoch: number;
  readonly attemptId: string;
}

export interface Accepted {
  readonly type: "accepted";
  readonly at: string;
  readonly receipt: Receipt;
}

/** A receipt that came too late. It is recorded for statistics and changes no state. */
export interface Fenced {
  readonly type: "fenced";
  readonly at: string;
  readonly partition: number;
  readonly epoch: number;
  readonly attemptId: string;
}

export interface AttemptFailed {
  readonly type: "attempt-failed";
  readonly at: string;
  readonly partition: number;
  readonly epoch: number;
  readonly failure: AttemptFailure;
}

export interface Revived {
  readonly type: "revived";
  readonly at: string;
  readonly partitions: number;
}

export interface Publishing {
  readonly type: "publishing";
  readonly at: string;
  readonly rows: RowCounts;
}

export interface Published {
  readonly type: "published";
  readonly at: string;
  readonly publication: number;
  readonly rows: RowCounts;
}

export interface RunFailed {
  readonly type: "failed";
  readonly at: string;
  readonly error: ErrorRecord;
}

export interface Plain<T extends string> {
  readonly type: T;
  readonly at: string;
}
