/** What clients of a running service can request: its jobs and runs, new runs, retries, cancellations, pauses. */
import { SpecError } from "../errors.js";
import { isFinal, type RunState } from "../job/run.js";
import type { PartitionCounts } from "../ledgers/ledger.js";
import { ownerAlive, runEnded } from "../ledgers/refusals.js";
import type { OpenTick } from "../ledgers/schedule-store.js";
import type { CancelStatus } from "../running/cancel-run.js";
import { endTicksOf } from "./cancel.js";
import type { App, ServiceContext } from "./context.js";
import { type JobTiming, jobTiming } from "./list.js";
import type { RequestedRuns } from "./requested-runs.js";
import { runStarts, type Started, type StartOptions, type StartRequest } from "./run-starts.js";
import { interruptionCheck, type ShownStatus, statusCheck } from "./run-status.js";
import type { SeenSpec, SpecFolder } from "./spec-folder.js";

/** The service, as far as requests concern it. */
export interface RequestsParts {
  readonly specs: Pick<SpecFolder, "specs">;
  readonly requested: RequestedRuns;
  /** Opens the app for plans that are made while a client waits; no run uses its host. */
  readonly planning: () => Promise<App>;
}

export interface ServiceReadiness {
  readonly status: "ready" | "unready";
  readonly ledger: "ok" | "unreachable";
  readonly schedules: "ok" | "unreachable";
}

export interface JobStatus {
  readonly spec: SeenSpec;
  readonly timing: JobTiming;
  /** Ticks that fired and have not ended. */
  readonly open: readonly OpenTick[];
}

export interface RunStatus {
  readonly state: RunState;
  readonly status: ShownStatus;
}

export interface RunsFilter {
  readonly job?: string | undefined;
  readonly status?: RunState["status"] | undefined;
  readonly limit: number;
  /** Id of a run; only runs that were created before it. */
  readonly cursor?: string | undefined;
}

export interface ServiceRequests {
  /** Answers within seconds, also while servers are unreachable. */
  ready(): Promise<ServiceReadiness>;
  jobs(): Promise<readonly JobStatus[]>;
  /** @throws SpecError `spec.not-found` */
  job(name: string): Promise<JobStatus>;
  runs(filter: RunsFilter): Promise<{ readonly runs: readonly RunStatus[]; readonly next: string | null }>;
  /** @throws SpecError `usage.unknown-run` */
  run(id: string): Promise<RunStatus & { readonly partitions: PartitionCounts }>;
  /** Durable when it resolves: the run is recorded, and begins when a slot is free. */
  start(job: string, request: StartRequest, options: StartOptions): Promise<Started>;
  /** @throws SpecError `refused.*` if the run has ended, or another process works on it */
  retry(id: string): Promise<Started>;
  cancel(id: string, signal: AbortSignal): Promise<{ readonly run: string; readonly outcome: CancelStatus }>;
  /** @returns whether it was not paused before. @throws SpecError `spec.not-found`, `usage.no-schedule` */
  pause(job: string): Promise<boolean>;
  /** @returns whether it was paused before. @throws SpecError `spec.not-found`, `usage.no-schedule` */
  resume(job: string): Promise<boolean>;
}

/** A probe for readiness repeats soon, so it does not wait for a server that does not answer. */
const readyWithinMs = 3_000;
/** Runs stop between chunks. The client does not wait for one that takes longer. */
const cancelWithinMs = 5_000;
/** Freshness costs a look at every published run. */
const timingForMs = 5_000;

export async function serviceRequests(
  context: ServiceContext,
  parts: RequestsParts,
): Promise<ServiceRequests> {
  const { specs, requested, planning } = parts;
  const { clock } = context;
  const app = await context.app();
  const ledger = await app.ledger();
  const book = await app.scheduleStore();
  const isInterrupted = await interruptionCheck(app);
  const timingNow = await jobTiming(app);
  const timings = remembered<JobTiming>(timingForMs, clock.monotonicMs);
  const readiness = remembered<ServiceReadiness>(1_000, clock.monotonicMs);
  const starts = await runStarts(context, { ledger, requested, planning, isInterrupted, stateOf });

  function specNamed(name: string): SeenSpec {
    const spec = specs.specs().find((each) => each.name === name);
    if (spec !== undefined) return spec;
    throw new SpecError("spec.not-found", `there is no job \`${name}\` here`, {
      hint: "GET /v1/jobs lists them.",
    });
  }

  function refuseUnscheduled(name: string): void {
    const { good, error } = specNamed(name);
    if (good === null && error !== null) throw error;
    if (good?.schedule == null)
      throw new SpecError("usage.no-schedule", `${name} has no schedule`, {
        hint: "Add `schedule: { cron: ... }` to the job.",
      });
  }

  async function statusOfJob(spec: SeenSpec): Promise<JobStatus> {
    const { name, good } = spec;
    const schedule = good?.schedule ?? null;
    const timing = await timings(name, () => timingNow({ name, schedule }, clock.now()));
    // The timing may be remembered from before a pause.
    const paused = schedule !== null && (await book.isPaused(name));
    const open = schedule === null ? [] : await book.open(name);
    return { spec, timing: { ...timing, paused, next: paused ? null : timing.next }, open };
  }

  async function stateOf(id: string): Promise<RunState> {
    const state = await ledger.readRun(id);
    if (state !== null) return state;
    throw new SpecError("usage.unknown-run", `there is no run \`${id}\``, {
      hint: "GET /v1/runs lists them.",
    });
  }

  return {
    ready: () =>
      readiness("all", async () => {
        const [ofLedger, ofSchedules] = await Promise.all([
          answers(ledger.readRun("readiness")),
          answers(book.isPaused("readiness")),
        ]);
        const isReady = ofLedger === "ok" && ofSchedules === "ok";
        return { status: isReady ? "ready" : "unready", ledger: ofLedger, schedules: ofSchedules };
      }),
    jobs: () => Promise.all(specs.specs().map(statusOfJob)),
    job: async (name) => statusOfJob(specNamed(name)),

    async runs({ job, status, limit, cursor }) {
      const statusOf = await statusCheck(app);
      const states: RunState[] = [];
      for await (const state of ledger.listRuns({
        ...(job === undefined ? {} : { jobName: job }),
        ...(status === undefined ? {} : { statuses: [status] }),
        ...(cursor === undefined ? {} : { before: cursor }),
      })) {
        states.push(state);
        if (states.length > limit) break;
      }
      const page = states.slice(0, limit);
      const next = states.length > limit ? (page.at(-1)?.run.id ?? null) : null;
      const runs = await Promise.all(page.map(async (state) => ({ state, status: await statusOf(state) })));
      return { runs, next };
    },

    async run(id) {
      const state = await stateOf(id);
      const status = await (await statusCheck(app))(state);
      return { state, status, partitions: await ledger.countPartitions(id) };
    },

    async start(name, request, options) {
      const { good, error } = specNamed(name);
      if (good === null) throw error ?? new Error(`${name} is neither good nor broken`);
      return starts.start(good, request, options);
    },

    async retry(id) {
      const state = await stateOf(id);
      const { status, owner } = state;
      if (isFinal(state)) throw runEnded(id, status);
      if (!requested.isHeld(id) && owner !== null && !isInterrupted(state)) throw ownerAlive(id, owner.pid);
      return starts.retry(state.run);
    },

    async cancel(id, signal) {
      const runner = await app.runner();
      const { run, status } = await runner.cancel(id, { takeOver: false, waitMs: cancelWithinMs, signal });
      if (["cancelled", "already-cancelled", "not-stopped"].includes(status)) {
        const served = specs.specs().find(({ name }) => name === run.jobName)?.good ?? null;
        await endTicksOf(run, served, book, clock.now());
      }
      return { run: id, outcome: status };
    },

    async pause(job) {
      refuseUnscheduled(job);
      return book.pause(job, clock.now());
    },
    async resume(job) {
      refuseUnscheduled(job);
      return book.resume(job, clock.now());
    },
  };
}

async function answers(asking: Promise<unknown>): Promise<"ok" | "unreachable"> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<"unreachable">((resolve) => {
    timer = setTimeout(() => resolve("unreachable"), readyWithinMs);
  });
  try {
    return await Promise.race([
      asking.then(
        () => "ok" as const,
        () => "unreachable" as const,
      ),
      tooLate,
    ]);
  } finally {
    clearTimeout(timer);
  }
}

/** Shares one answer between all calls within that time. An answer that failed is asked for again. */
function remembered<T>(
  forMs: number,
  monotonicMs: () => number,
): (name: string, ask: () => Promise<T>) => Promise<T> {
  const known = new Map<string, { readonly untilMs: number; readonly answer: Promise<T> }>();
  return (name, ask) => {
    const before = known.get(name);
    if (before !== undefined && monotonicMs() < before.untilMs) return before.answer;
    const answer = ask();
    known.set(name, { untilMs: monotonicMs() + forMs, answer });
    answer.catch(() => known.delete(name));
    return answer;
  };
}
