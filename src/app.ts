/** Composition root: puts implementations behind the contracts, for the command line and for the library. */
import type { Settings } from "./config.js";
import type { WorkerHost } from "./host.js";
import type { WriteSpec } from "./job.js";
import type { Ledger } from "./ledger.js";
import type { Runner } from "./runner.js";
import type { Sink } from "./sink.js";

export interface App {
  readonly settings: Settings;
  /** Opened at the first call; heavy modules load then and not before. */
  ledger(): Promise<Ledger>;
  runner(): Promise<Runner>;
  /** For `inspect` and `preview`. */
  host(): Promise<WorkerHost>;
  sink(write: WriteSpec): Promise<Sink>;
  close(): Promise<void>;
}
