/**
 * Notifies a backfill that its job was cancelled: it starts no further interval, and its runs are cancelled.
 */

import { runCancelled } from "../errors.js";
import type { Ledger } from "../ledgers/ledger.js";
import type { Pause } from "./cancel-watch.js";

export interface BackfillStop {
  /** Fires with the reason {@link runCancelled}. */
  readonly signal: AbortSignal;
  /**
   * Checks at once. Called before an interval is started, so that none starts after the job was cancelled.
   */
  look(): Promise<void>;
  close(): void;
}

const lookEveryMs = 1_000;

/** Watches for requests that are made from now on. */
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
      // A ledger that does not answer is asked again; the runs detect the failure themselves.
      if (!over.signal.aborted) await look().catch(() => undefined);
    }
  }

  void watch();
  return { signal: stopped.signal, look, close: () => over.abort() };
}
