/** Who waits for whom, and who can do what: where partitions wait for workers. */

/** In the order of their precedence. */
export const laneNames = ["events", "scheduled", "backfill"] as const;

export type Lane = (typeof laneNames)[number];

export const usualLane: Lane = "scheduled";

/** Of jobs that ask for no other, and of workers that are told no other. */
export const usualTag = "cpu";

/** Names are short and end up in those of queues. */
export const tagSyntax = /^[a-z0-9][a-z0-9_-]{0,31}$/;

/** Partitions of one lane that workers with one tag can do. */
export interface Channel {
  readonly tag: string;
  readonly lane: Lane;
}

export function channelsOf(tags: readonly string[], lanes: readonly Lane[]): readonly Channel[] {
  return lanes.flatMap((lane) => tags.map((tag) => ({ tag, lane })));
}
