/**
 * Checks `after:`, which makes a job wait for other jobs: whether those jobs exist and do not wait for each
 * other in a cycle, and when the job is due.
 */
import { SpecError } from "../errors.js";
import { closest } from "../text/closest-word.js";
import { parseCron } from "../time/cron.js";
import { isCalendarDate } from "../time/interval.js";
import type { Schedule } from "../time/schedule.js";
import { didYouMean } from "./did-you-mean.js";

export interface Follower {
  readonly name: string;
  /** Names of the jobs that it waits for. */
  readonly after: readonly string[];
  /** `null`: it has no intervals. */
  readonly every: string | null;
}

/** What is wrong with the jobs that a job waits for, or `null`. */
export function mistakeInAfter(job: Follower, all: readonly Follower[]): SpecError | null {
  const others = all.filter(({ name }) => name !== job.name);
  for (const name of job.after) {
    const upstream = name === job.name ? job : others.find((each) => each.name === name);
    if (upstream === undefined) return unknownJob(job, name, others);
    if (upstream.every === null)
      return new SpecError("spec.after", `${job.name} waits for ${name}, which has no intervals`, {
        hint: "Add `intervals` to it, or remove it from `after`.",
      });
  }
  const circle = circleFrom(job, [job, ...others], []);
  if (circle === null) return null;
  return new SpecError("spec.after-circle", `jobs wait for each other: ${circle.join(" after ")}`, {
    hint: "Remove one of them from an `after`.",
  });
}

function unknownJob({ name }: Follower, missing: string, others: readonly Follower[]): SpecError {
  const names = others.map((each) => each.name);
  return new SpecError("spec.after", `${name} waits for \`${missing}\`, and there is no such job here`, {
    hint:
      didYouMean(closest(missing, names)) ??
      (names.length === 0 ? "There is no other job in its folder." : `There is ${names.join(", ")}.`),
  });
}

/** Only a circle that the job is part of is its mistake. */
function circleFrom(
  job: Follower,
  all: readonly Follower[],
  seen: readonly string[],
): readonly string[] | null {
  const path = [...seen, job.name];
  for (const name of job.after) {
    if (name === path[0]) return [...path, name];
    const next = all.find((each) => each.name === name);
    if (next === undefined || path.includes(name)) continue;
    const circle = circleFrom(next, all, path);
    if (circle !== null) return circle;
  }
  return null;
}

/** A job without a schedule is looked at when its own interval ends, and starts when those before it are published. */
export function scheduleOfAfter(every: string, start: string | null, timezone: string): Schedule {
  const expression = cronOf(every, start);
  const parsed = parseCron(expression);
  if (parsed.kind === "mistake") throw new Error(parsed.message);
  return {
    ...{ expression, cron: parsed.cron, timezone, catchup: "all", overlap: "allow" },
    startDeadlineMs: null,
  };
}

function cronOf(every: string, start: string | null): string {
  // A listing shows specs that nobody has checked.
  const first = start === null || !isCalendarDate(start) ? null : new Date(`${start}T00:00:00Z`);
  if (every === "hour") return "0 * * * *";
  if (every === "week") return `0 0 * * ${first === null ? 1 : first.getUTCDay()}`;
  if (every === "month") return `0 0 ${first === null ? 1 : first.getUTCDate()} * *`;
  return "0 0 * * *";
}
