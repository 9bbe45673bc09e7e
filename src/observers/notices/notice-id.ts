import { createHash } from "node:crypto";
import type { Notice } from "../../job/notice.js";

/**
 * Returns the deduplication id of a notice, stable across redeliveries and, for a late interval, across
 * processes. Ids of different notices differ.
 */
export function noticeIdOf({ event, at, job, interval, target, runId }: Notice): string {
  const told = [event, job, target, interval?.start, ...(event === "late" ? [] : [runId, at])];
  return createHash("sha256").update(JSON.stringify(told)).digest("hex").slice(0, 32);
}
