/** What the functions of the service need from the program that calls them: the command line, the HTTP interface, the library. */
import type { Settings } from "../config.js";
import type { Queue } from "../dispatchers/queue.js";
import type { WorkerHost } from "../host/host.js";
import type { InputSpec } from "../job/input.js";
import type { Lane } from "../job/lane.js";
import type { WriteSpec } from "../job/output.js";
import type { Owner } from "../job/run.js";
import type { BackfillStore } from "../ledgers/backfill-store.js";
import type { Ledger } from "../ledgers/ledger.js";
import type { NoticeStore } from "../ledgers/notice-store.js";
import type { ScheduleStore } from "../ledgers/schedule-store.js";
import type { Garbage } from "../running/collect-garbage.js";
import type { Runner } from "../running/runner.js";
import type { Sink } from "../sinks/sink.js";
import type { InputKeeper } from "../sources/source.js";
import type { Secrets } from "../spec/secrets.js";
import type { LogFields, LogLevel } from "../text/log-text.js";
import type { Clock } from "../time/clock.js";
import type { QueueWorker, WorkerEvent } from "../worker/queue-worker.js";

export interface ServiceContext {
  /** Absolute; relative paths start here. */
  readonly cwd: string;
  /** Target of `nightshift.yaml`; `null`: none is chosen. */
  readonly target: string | null;
  readonly settings: Settings;
  readonly clock: Clock;
  /** Secrets that were read from specs; all output is masked with them. */
  readonly secrets: Secrets;
  /** Opens the parts of the coordinator on the first call. The caller of the service closes them. */
  app(): Promise<App>;
  /** Opens more parts, with other settings and optionally another clock; the caller closes them. */
  openApp(settings: Settings, clock?: Clock): Promise<App>;
  /** Receives warnings and events for the operator. */
  note(note: Note): void;
  /** Resolves after that time, or sooner when the signal fires. */
  pause(ms: number, signal?: AbortSignal): Promise<void>;
}

/** A warning or an event: a sentence for display, or one line of a service's log. */
export interface Note {
  readonly level: LogLevel;
  /** For logs: a short text without values, by which log collectors group. */
  readonly message: string;
  /** For display, without `warning:`. */
  readonly text: string;
  /** For logs, instead of the text. */
  readonly fields?: LogFields;
}

/** Returns a warning whose kind is in its text alone. */
export function warningNote(text: string): Note {
  return { level: "warn", message: "warning", text };
}

/** Distinguishes the processes of this machine. */
export interface Processes {
  self(): Owner;
  /** `other-host`: cannot be determined from here. */
  isAlive(owner: Owner): "alive" | "dead" | "other-host";
}

/** Parts are created, and their modules loaded, on first use. */
export interface App {
  readonly settings: Settings;
  readonly ledger: () => Promise<Ledger>;
  readonly backfillStore: () => Promise<BackfillStore>;
  readonly scheduleStore: () => Promise<ScheduleStore>;
  readonly noticeStore: () => Promise<NoticeStore>;
  /** @throws SpecError `usage.no-queue` if none is configured */
  readonly queue: () => Promise<Queue>;
  /** Takes partitions from the queue from now on. @throws SpecError `usage.queue-needs-ledger` */
  readonly worker: (options: WorkerOptions) => Promise<QueueWorker>;
  readonly runner: () => Promise<Runner>;
  /** The worker host; a new one if the last one died. */
  readonly host: () => Promise<WorkerHost>;
  readonly processes: () => Promise<Processes>;
  readonly sink: (write: WriteSpec) => Promise<Sink>;
  /** `null` if nothing has to be kept for a run. */
  readonly keeper: (input: InputSpec) => Promise<InputKeeper | null>;
  /** @param keepRunsMs runs that ended longer ago are removed from the ledger; `null`: none */
  readonly collectGarbage: (dryRun: boolean, keepRunsMs: number | null) => Promise<Garbage>;
  /** Ends worker hosts and gives back what is open. */
  readonly close: () => Promise<void>;
}

export interface WorkerOptions {
  readonly threads: number;
  /** Tags of the worker; it runs jobs whose `runs_on` is one of them. */
  readonly tags: readonly string[];
  readonly lanes: readonly Lane[];
  /** Version of Nightshift, for display. */
  readonly version: string;
  /** Lease duration: a worker that does not renew within this time loses the partition. */
  readonly leaseMs: number;
  readonly tell: (event: WorkerEvent) => void;
}
