/**
 * The records of a journal. A record says what happened, never what to do about it; `fold.ts` turns them into states,
 * `transitions.ts` is the only place that makes them.
 *
 * A line holds the records of one batch: `{"crc":"…","v":1,"records":[…]}`. A version that means something else by a
 * record raises `v`; a version that adds a record adds a type. Both are refused by those who don't know them.
 */
import type { ErrorRecord } from "../../errors.js";
import type { AttemptFailure, PlanTotals, Receipt, RowCounts } from "../../partition.js";
import type { Owner } from "../../run.js";
import type { LineBody } from "./line.js";

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

/** The first record of every journal: who wants to own the run from now on. */
export interface Claimed {
  readonly type: "claimed";
  readonly at: string;
  readonly owner: Owner;
}

/** From here on the claim holds: it says what of the journals before it counts. */
export interface Adopted {
  readonly type: "adopted";
  readonly at: string;
  readonly previous: Honoured | null;
}

/**
 * What counts of an earlier journal: its lines before `bytes`, then `tail`. The tail is a copy of the journal's last
 * whole line, the only one whose writer may not have synced it; everything else in the file is void.
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
  readonly found: readonly string[];
  readonly warnings: readonly string[];
}

/** The finished file that holds the plan and its partitions. */
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

/** A receipt that came too late. Kept for those who count; it changes nothing. */
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

type Kind = "text" | "count" | "object" | "list" | "object or null";

const shapes: { readonly [T in JournalRecord["type"]]: { readonly [field: string]: Kind } } = {
  claimed: { owner: "object" },
  adopted: { previous: "object or null" },
  planned: {
    plan: "object",
    fingerprint: "text",
    totals: "object",
    threads: "count",
    found: "list",
    warnings: "list",
  },
  leased: { partition: "count", epoch: "count" },
  started: { partition: "count", epoch: "count", attemptId: "text" },
  accepted: { receipt: "object" },
  fenced: { partition: "count", epoch: "count", attemptId: "text" },
  "attempt-failed": { partition: "count", epoch: "count", failure: "object" },
  revived: { partitions: "count" },
  publishing: { rows: "object" },
  published: { publication: "count", rows: "object" },
  failed: { error: "object" },
  cancelled: {},
  dropped: {},
  released: {},
};

/** What is wrong with a line whose checksum is right: it is from a version to come, or it isn't a journal's. */
export interface Unreadable {
  readonly problem: "version" | "shape";
  readonly what: string;
}

export function toRecords(body: LineBody): readonly JournalRecord[] | Unreadable {
  if (body.v !== journalVersion)
    return { problem: "version", what: `journal version ${JSON.stringify(body.v)}` };
  if (!Array.isArray(body.records)) return { problem: "shape", what: "a line without records" };
  for (const record of body.records as readonly unknown[]) {
    const unreadable = check(record);
    if (unreadable !== null) return unreadable;
  }
  return body.records as readonly JournalRecord[];
}

function check(record: unknown): Unreadable | null {
  if (typeof record !== "object" || record === null)
    return { problem: "shape", what: "a record that is no object" };
  const fields = record as { readonly [field: string]: unknown };
  const type = String(fields.type);
  if (!Object.hasOwn(shapes, type)) return { problem: "version", what: `a record of type "${type}"` };
  for (const [field, kind] of Object.entries({ at: "text", ...shapes[type as JournalRecord["type"]] })) {
    if (!isKind(fields[field], kind as Kind))
      return { problem: "shape", what: `a record of type "${type}" without a proper "${field}"` };
  }
  return type === "adopted" && fields.previous !== null
    ? checkHonoured({ ...(fields.previous as object) })
    : null;
}

function checkHonoured(previous: { readonly [field: string]: unknown }): Unreadable | null {
  if (!isKind(previous.journal, "count") || !isKind(previous.bytes, "count") || !Array.isArray(previous.tail))
    return { problem: "shape", what: 'a record of type "adopted" without a proper "previous"' };
  for (const record of previous.tail as readonly unknown[]) {
    const unreadable = check(record);
    if (unreadable !== null) return unreadable;
  }
  return null;
}

function isKind(value: unknown, kind: Kind): boolean {
  switch (kind) {
    case "text":
      return typeof value === "string";
    case "count":
      return Number.isSafeInteger(value) && (value as number) >= 0;
    case "list":
      return Array.isArray(value);
    case "object":
      return typeof value === "object" && value !== null;
    case "object or null":
      return typeof value === "object";
  }
}
