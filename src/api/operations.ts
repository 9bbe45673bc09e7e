/** What the service can be asked for over HTTP; whoever serves provides it. */
import type {
  Cancelled,
  JobView,
  Paused,
  Readiness,
  RunDetail,
  RunsQuery,
  RunView,
  Started,
  StartRequest,
} from "./schemas.js";

export interface Operations {
  /** Within seconds, also while servers are away. */
  ready(): Promise<Readiness>;
  jobs(): Promise<readonly JobView[]>;
  /** @throws SpecError `spec.not-found` */
  job(name: string): Promise<JobView>;
  runs(query: RunsQuery): Promise<{ readonly runs: readonly RunView[]; readonly next: string | null }>;
  /** @throws SpecError `usage.unknown-run` */
  run(id: string): Promise<RunDetail>;
  /** Durable when it resolves: the run is recorded, and begins when there is room. */
  start(job: string, request: StartRequest, options: StartOptions): Promise<Started>;
  /** @throws SpecError `refused.*` for a run that has ended, or is worked on */
  retry(id: string): Promise<Started>;
  cancel(id: string, signal: AbortSignal): Promise<Cancelled>;
  pause(job: string): Promise<Paused>;
  resume(job: string): Promise<Paused>;
}

export interface StartOptions {
  readonly idempotencyKey: string | null;
  /** Whoever asks has gone away. */
  readonly signal: AbortSignal;
}

/** What `GET /metrics` answers. */
export interface MetricsText {
  readonly contentType: string;
  readonly body: string;
}
