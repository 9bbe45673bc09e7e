/**
 * Parses a line's body into records, or reports why it cannot: what this version does not know is rejected,
 * not guessed.
 */
import type { LineBody } from "./line.js";
import { type JournalRecord, journalVersion } from "./records.js";

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

/**
 * Reason why a line with a correct checksum cannot be read: a newer version wrote it, or it is not a journal
 * line.
 */
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
    return { problem: "shape", what: "a record that is not an object" };
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
