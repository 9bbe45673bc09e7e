/**
 * Chooses the next lane if several have partitions waiting: weighted shares by start-time fair queueing
 * (Goyal, Vin, Cheng 1996). Each lane has a virtual time that a partition advances by 1 / weight; the lane
 * with the least virtual time comes first. A lane that was empty starts at the common time, so that it does
 * not accumulate turns.
 */
import { type Channel, type Lane, laneNames } from "../job/lane.js";

export interface LaneTurns {
  /** Returns the channels in the order in which to poll them. */
  order(channels: readonly Channel[]): readonly Channel[];
  /** Records that a partition of this channel was taken. */
  took(channel: Channel): void;
}

/**
 * If all lanes wait, 16 of 20 partitions are from events, 3 scheduled and 1 from a backfill, so no lane
 * starves.
 */
const weights: { readonly [lane in Lane]: number } = { events: 16, scheduled: 3, backfill: 1 };

export function laneTurns(): LaneTurns {
  const ends: { [lane in Lane]: number } = { events: 0, scheduled: 0, backfill: 0 };
  /** Sequence number of each tag's last partition: within a lane, tags alternate. */
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
