/** Lets a backfill hear that somebody cancelled its job: it starts nothing more, and its runs are cancelled. */

import { runCancelled } from "../errors.js";
import type { Ledger } from "../ledgers/ledger.js";
import type { Pause } from "./cancel-watch.js";

export interface BackfillStop {
  /** Fires with the reason {@link runCancelled}. */
  readonly signal: AbortSignal;
  /** Asks at once: before an interval is started, so that none is after the job was cancelled. */
  look(): Promise<void>;
  close(): void;
}

const lookEveryMs = 1_000;

/** Hears of requests that are made from now on. */
export async function watchForStop(
  jobName: string,
  ledger: Pick<Ledger, "lastBackfillStop">,
  pause: Pause,
): Promise<BackfillStop> {
  const before = await ledger.lastBackfillStop(jobName);
  const stopped = new AbortController();
  const over = new AbortController();

  async function look(): Promise<void> {
    if ((await ledger.lastBackfillStop(jobName)) !== before) stopped.abort(runCancelled());
  }

  async function watch(): Promise<void> {
    while (!over.signal.aborted && !stopped.signal.aborted) {
      await pause(lookEveryMs, over.signal);
      // A ledger that does not answer is asked again; the runs find out for themselves.
      if (!over.signal.aborted) await look().catch(() => undefined);
    }
  }

  void watch();
  return { signal: stopped.signal, look, close: () => over.abort() };
}
