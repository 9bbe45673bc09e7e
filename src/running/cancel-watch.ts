/** Lets an owner hear that somebody asked it to cancel its run. */
import { runCancelled } from "../errors.js";
import type { Claim } from "../job/run.js";
import type { Ledger } from "../ledgers/ledger.js";

export interface CancelWatch {
  /** Fires with {@link runCancelled} when the run shall be cancelled, and with any other reason to stop in between. */
  readonly signal: AbortSignal;
  close(): void;
}

/** Resolves after that time, or sooner when the signal fires. */
export type Pause = (ms: number, signal?: AbortSignal) => Promise<void>;

const lookEveryMs = 500;

export function watchForCancel(
  claim: Claim,
  ledger: Pick<Ledger, "isCancelRequested">,
  pause: Pause,
  interrupted: AbortSignal,
): CancelWatch {
  const asked = new AbortController();
  const over = new AbortController();

  async function watch(): Promise<void> {
    while (!over.signal.aborted && !asked.signal.aborted) {
      await pause(lookEveryMs, over.signal);
      if (over.signal.aborted) return;
      // A ledger that does not answer is asked again; whether the run can go on without it, others find out.
      if (await ledger.isCancelRequested(claim).catch(() => false)) asked.abort(runCancelled());
    }
  }

  void watch();
  return { signal: AbortSignal.any([interrupted, asked.signal]), close: () => over.abort() };
}
