/** Notifies an owner of a request to cancel its run. */
import { runCancelled } from "../errors.js";
import type { Claim } from "../job/run.js";
import type { Ledger } from "../ledgers/ledger.js";

export interface CancelWatch {
  /** Fires with {@link runCancelled} if the run is to be cancelled, and with any other reason to stop. */
  readonly signal: AbortSignal;
  close(): void;
}

/** Resolves after that time, or earlier when the signal fires. */
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
      // A ledger that does not answer is asked again; other code decides whether the run can continue without
      // it.
      if (await ledger.isCancelRequested(claim).catch(() => false)) asked.abort(runCancelled());
    }
  }

  void watch();
  return { signal: AbortSignal.any([interrupted, asked.signal]), close: () => over.abort() };
}
