/** Priorities and tags of partitions that wait for workers in a queue. */

/** In order of precedence. */
export const laneNames = ["events", "scheduled", "backfill"] as const;

export type Lane = (typeof laneNames)[number];

export const usualLane: Lane = "scheduled";

/** Default tag of jobs and of workers. */
export const usualTag = "cpu";

/** Tags are short, because they become part of queue names. */
export const tagSyntax = /^[a-z0-9][a-z0-9_-]{0,31}$/;

/** Partitions of one lane that workers with one tag can process. */
export interface Channel {
  readonly tag: string;
  readonly lane: Lane;
}

export function channelsOf(tags: readonly string[], lanes: readonly Lane[]): readonly Channel[] {
  return lanes.flatMap((lane) => tags.map((tag) => ({ tag, lane })));
}
