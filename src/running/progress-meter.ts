/** Aggregates the reports of attempts into progress figures for display. */

import type { PlanTotals, RowCounts, Step } from "../job/partition.js";
import type { Progress } from "../job/run-events.js";
import type { Clock } from "../time/clock.js";

const everyMs = 200;

export class ProgressMeter {
  private readonly live = new Map<number, { readonly rows: number; readonly quarantined: number }>();
  private readonly steps = new Map<Step, number>();
  private readonly startedMs: number;
  private lastMs = Number.NEGATIVE_INFINITY;
  private rowsSkipped = 0;
  private rowsFinished = 0;
  private quarantined = 0;
  private partitions = 0;

  constructor(
    private readonly totals: PlanTotals,
    private readonly clock: Clock,
  ) {
    this.startedMs = clock.monotonicMs();
  }

  /** Counts a partition that an earlier try of the run finished, without counting it for the speed. */
  skip(rows: RowCounts): void {
    this.rowsSkipped += rows.read;
    this.quarantined += rows.quarantined;
    this.partitions += 1;
  }

  advance(partition: number, rows: number, quarantined: number, step: Step | null): void {
    this.live.set(partition, { rows, quarantined });
    if (step !== null) this.steps.set(step, (this.steps.get(step) ?? 0) + 1);
  }

  /** The attempt failed, so its rows no longer count. */
  reset(partition: number): void {
    this.live.delete(partition);
  }

  finish(partition: number, rows: RowCounts): void {
    this.live.delete(partition);
    this.rowsFinished += rows.read;
    this.quarantined += rows.quarantined;
    this.partitions += 1;
    if (this.partitions === this.totals.partitions) this.lastMs = Number.NEGATIVE_INFINITY;
  }

  /** Returns the figure to show now, or `null` if the last one is recent enough. */
  read(): Progress | null {
    const nowMs = this.clock.monotonicMs();
    if (nowMs - this.lastMs < everyMs) return null;
    this.lastMs = nowMs;
    const live = [...this.live.values()];
    const rowsNow = this.rowsFinished + live.reduce((sum, item) => sum + item.rows, 0);
    const rowsDone = this.rowsSkipped + rowsNow;
    const seconds = (nowMs - this.startedMs) / 1000;
    const rowsPerSecond = seconds > 0 ? rowsNow / seconds : 0;
    return {
      rowsDone,
      rowsTotal: this.totals.rows,
      quarantined: this.quarantined + live.reduce((sum, item) => sum + item.quarantined, 0),
      partitionsDone: this.partitions,
      partitionsTotal: this.totals.partitions,
      rowsPerSecond,
      secondsLeft: rowsPerSecond > 0 ? Math.max(0, this.totals.rows - rowsDone) / rowsPerSecond : null,
      limitingStep: this.busiestStep(),
    };
  }

  private busiestStep(): Step | null {
    let busiest: Step | null = null;
    for (const [step, seen] of this.steps) {
      if (busiest === null || seen > (this.steps.get(busiest) ?? 0)) busiest = step;
    }
    return busiest;
  }
}
