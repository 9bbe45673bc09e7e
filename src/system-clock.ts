/** The real clock and real ids, for entry points; everything else is handed them. */
import { randomUUID } from "node:crypto";
import type { Clock, NewId } from "./clock.js";

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
};

export const newUuid: NewId = () => randomUUID();
