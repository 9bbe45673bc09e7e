/** What accepted partitions add up to. */
import type { AttemptStats, RowCounts } from "../../job/partition.js";

export const noRows: RowCounts = { read: 0, predicted: 0, quarantined: 0, filtered: 0 };

export const noStats: AttemptStats = {
  seconds: { read: 0, hook: 0, bind: 0, predict: 0, attach: 0, write: 0, stage: 0 },
  bytesRead: 0,
  bytesWritten: 0,
};

export function addRows(a: RowCounts, b: RowCounts): RowCounts {
  return {
    read: a.read + b.read,
    predicted: a.predicted + b.predicted,
    quarantined: a.quarantined + b.quarantined,
    filtered: a.filtered + b.filtered,
  };
}

export function addStats(a: AttemptStats, b: AttemptStats): AttemptStats {
  const nanRows = (a.nanRows ?? 0) + (b.nanRows ?? 0);
  const contradictions = (a.contradictions ?? 0) + (b.contradictions ?? 0);
  return {
    seconds: {
      read: a.seconds.read + b.seconds.read,
      hook: a.seconds.hook + b.seconds.hook,
      bind: a.seconds.bind + b.seconds.bind,
      predict: a.seconds.predict + b.seconds.predict,
      attach: a.seconds.attach + b.seconds.attach,
      write: a.seconds.write + b.seconds.write,
      stage: a.seconds.stage + b.seconds.stage,
    },
    bytesRead: a.bytesRead + b.bytesRead,
    bytesWritten: a.bytesWritten + b.bytesWritten,
    ...(nanRows === 0 ? {} : { nanRows }),
    ...(contradictions === 0 ? {} : { contradictions }),
  };
}
