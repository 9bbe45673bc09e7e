import { createHash } from "node:crypto";
import type { Notice } from "../../job/notice.js";

/**
 * The same for whatever tells of the same thing, however often it arrives: of an interval that is late, whoever tells.
 * No two others have the same.
 */
export function noticeIdOf({ event, at, job, interval, target, runId }: Notice): string {
  const told = [event, job, target, interval?.start, ...(event === "late" ? [] : [runId, at])];
  return createHash("sha256").update(JSON.stringify(told)).digest("hex").slice(0, 32);
}
