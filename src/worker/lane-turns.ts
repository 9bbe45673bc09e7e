/**
 * Whose turn it is where several lanes wait: shares by weight, after start-time fair queueing (Goyal, Vin, Cheng 1996). Each
 * lane has a time of its own, which a partition moves on by 1 / weight; the lane whose time is least comes first. A lane
 * that had nothing for a while starts at the common time: it has saved up no turns.
 */
import { type Channel, type Lane, laneNames } from "../job/lane.js";

export interface LaneTurns {
  /** Channels in the order in which they are to be asked. */
  order(channels: readonly Channel[]): readonly Channel[];
  /** One partition of this channel was taken. */
  took(channel: Channel): void;
}

/** While all wait: of 20 partitions 16 are of events, 3 scheduled, 1 of a backfill. So no lane is ever starved. */
const weights: { readonly [lane in Lane]: number } = { events: 16, scheduled: 3, backfill: 1 };

export function laneTurns(): LaneTurns {
  const ends: { [lane in Lane]: number } = { events: 0, scheduled: 0, backfill: 0 };
  /** When a tag was taken last, by the count of what was taken: in one lane, tags take turns. */
  const lastTaken = new Map<string, number>();
  let now = 0;
  let taken = 0;

  const startOf = (lane: Lane): number => Math.max(now, ends[lane]);

  return {
    order: (channels) =>
      channels.toSorted(
        (a, b) =>
          startOf(a.lane) - startOf(b.lane) ||
          laneNames.indexOf(a.lane) - laneNames.indexOf(b.lane) ||
          (lastTaken.get(nameOf(a)) ?? 0) - (lastTaken.get(nameOf(b)) ?? 0),
      ),
    took(channel) {
      const { lane } = channel;
      now = startOf(lane);
      ends[lane] = now + 1 / weights[lane];
      taken += 1;
      lastTaken.set(nameOf(channel), taken);
    },
  };
}

function nameOf({ tag, lane }: Channel): string {
  return `${tag} ${lane}`;
}
