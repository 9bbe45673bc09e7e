/** What a worker logs of a run: that its first partition came, and what it did of it once no more come. */

import type { LogEntry } from "../../text/log-text.js";
import type { WorkerEvent } from "../../worker/queue-worker.js";

export interface RunLinesOptions {
  readonly monotonicMs: () => number;
  readonly log: (entry: LogEntry) => void;
  /** Does something once after so long, unless it is cancelled by the returned function. */
  readonly after: (ms: number, work: () => void) => () => void;
}

interface RunHere {
  readonly startedMs: number;
  active: number;
  partitions: number;
  failed: number;
  rows: number;
  endedMs: number;
  cancel: () => void;
}

/** A worker is not notified that a run ended: with none of its partitions for so long, its part is over. */
const quietMs = 5_000;

export class RunLines {
  private readonly runs = new Map<string, RunHere>();

  constructor(private readonly options: RunLinesOptions) {}

  on(event: WorkerEvent): void {
    if (event.type === "started") this.begin(event.ref.runId);
    if (event.type === "accepted") this.end(event.receipt.ref.runId, event.receipt.rows.read);
    if (event.type === "failed" && event.failure.attemptId !== "") this.end(event.ref.runId, null);
    if (event.type === "fenced" && event.refused !== "start") this.end(event.ref.runId, null);
  }

  /** Logs what is left, when the worker stops. */
  close(): void {
    for (const runId of [...this.runs.keys()]) this.finish(runId);
  }

  private begin(runId: string): void {
    const { monotonicMs, log } = this.options;
    const known = this.runs.get(runId);
    if (known !== undefined) {
      known.cancel();
      known.active += 1;
      return;
    }
    const now = monotonicMs();
    const counts = { active: 1, partitions: 0, failed: 0, rows: 0 };
    this.runs.set(runId, { startedMs: now, endedMs: now, ...counts, cancel: () => undefined });
    log({ level: "info", message: "run started here", fields: { run: runId } });
  }

  private end(runId: string, rows: number | null): void {
    const run = this.runs.get(runId);
    if (run === undefined) return;
    run.active = Math.max(0, run.active - 1);
    run.endedMs = this.options.monotonicMs();
    if (rows === null) run.failed += 1;
    else {
      run.partitions += 1;
      run.rows += rows;
    }
    run.cancel();
    if (run.active === 0) run.cancel = this.options.after(quietMs, () => this.finish(runId));
  }

  private finish(runId: string): void {
    const run = this.runs.get(runId);
    if (run === undefined) return;
    run.cancel();
    this.runs.delete(runId);
    const { partitions, failed, rows, startedMs, endedMs } = run;
    const seconds = Math.round(endedMs - startedMs) / 1000;
    this.options.log({
      level: failed > 0 ? "warn" : "info",
      message: "run finished here",
      fields: { run: runId, partitions, failed, rows, seconds },
    });
  }
}
