import { parseCron } from "../time/cron.js";
import type { Schedule } from "../time/schedule.js";
import { parseDurationMs } from "./quantities.js";
import type { ScheduleSpec } from "./schema/schedule.js";

/** Converts a checked schedule, whose cron expression is valid. */
export function toSchedule(spec: ScheduleSpec): Schedule {
  const { cron, timezone, catchup, overlap, start_deadline, retries, vars = {} } = spec;
  const parsed = parseCron(cron);
  if (parsed.kind === "mistake") throw new Error("the schema lets cron expressions through only");
  return {
    ...{ expression: cron, cron: parsed.cron, timezone, catchup, overlap },
    startDeadlineMs: start_deadline === undefined ? null : parseDurationMs(start_deadline),
    vars,
    retries: retries === undefined ? null : { max: retries.max, delayMs: parseDurationMs(retries.delay) },
  };
}
