/** Chooses the data interval of a job: the one that `--at` names, else the latest complete one. */
import { SpecError } from "../errors.js";
import type { Interval } from "../job/job.js";
import { type IntervalRule, intervalAt, latestCompleteInterval, parseInstant } from "../time/interval.js";
import type { IntervalsSpec } from "./schema/intervals.js";

export interface ChosenInterval {
  readonly interval: Interval;
  readonly rule: IntervalRule;
  readonly warnings: readonly string[];
}

export function ruleOf(spec: IntervalsSpec): IntervalRule {
  return { every: spec.every, timezone: spec.timezone, start: spec.start ?? null };
}

/** @throws SpecError `usage.bad-time`, `usage.before-start`, `usage.no-complete-interval` */
export function chooseInterval(rule: IntervalRule, at: string | undefined, now: Date): ChosenInterval {
  if (at !== undefined) {
    const interval = intervalAt(parseInstant(at, rule.timezone), rule);
    return { interval, rule, warnings: warningsOfInterval(interval, now) };
  }
  const interval = latestCompleteInterval(now, rule);
  if (interval !== null) return { interval, rule, warnings: [] };
  throw new SpecError(
    "usage.no-complete-interval",
    `no interval is over yet: the first one starts on ${rule.start}`,
    {
      hint: "name an interval with --at, or choose an earlier `intervals.start`",
    },
  );
}

/** Returns warnings about a run's interval. */
export function warningsOfInterval({ ds, end }: Interval, now: Date): readonly string[] {
  return new Date(end) <= now ? [] : [`the interval of ${ds} is not over yet: it ends at ${end}`];
}

/**
 * Returns any interval of the rule, so that a spec can be checked further when its interval cannot be
 * determined.
 */
export function anyInterval(rule: IntervalRule, now: Date): Interval {
  return intervalAt(rule.start === null ? now : parseInstant(rule.start, rule.timezone), rule);
}
