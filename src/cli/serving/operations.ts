/** What the HTTP interface is answered from: the folder of specs, the ledger, the schedules, and the service's own runs. */
import type { Operations, StartOptions } from "../../api/operations.js";
import type { JobView, Readiness, Started, StartRequest } from "../../api/schemas.js";
import type { App } from "../../app.js";
import { SpecError } from "../../errors.js";
import type { Interval } from "../../job/job.js";
import { isFinal, isResumable, type RunState } from "../../job/run.js";
import { ownerAlive, runEnded } from "../../ledgers/refusals.js";
import type { RunRequest } from "../../running/run-request.js";
import { type JobTiming, jobTiming } from "../lookup/job-timing.js";
import { interruptionCheck } from "../lookup/owners.js";
import { statusCheck } from "../lookup/shown-status.js";
import type { Cli } from "../shell/context.js";
import type { AskedRuns } from "./asked-runs.js";
import { endTicksOf } from "./end-ticks.js";
import { findMarked, markOf } from "./find-marked.js";
import { jobAt } from "./job-at.js";
import { jobView, runDetail, runView } from "./run-view.js";
import type { SeenSpec, ServedSpec, SpecFolder } from "./spec-folder.js";

export interface OperationsParts {
  readonly specs: Pick<SpecFolder, "specs">;
  readonly asked: AskedRuns;
  /** For plans that are made while somebody waits: its host is nobody else's. */
  readonly planning: () => Promise<App>;
}

/** Whoever probes readiness asks again soon, and shall not wait for what does not answer. */
const readyWithinMs = 3_000;
/** Runs stop between chunks. Who asks is not kept waiting for one that takes longer. */
const cancelWithinMs = 5_000;
/** Freshness costs a look at every published run. */
const timingForMs = 5_000;

export async function operationsOf(cli: Cli, parts: OperationsParts): Promise<Operations> {
  const { specs, asked, planning } = parts;
  const app = await cli.app();
  const ledger = await app.ledger();
  const { warningsOfInterval } = await import("../../spec/choose-interval.js");
  const book = await app.scheduleStore();
  const isInterrupted = await interruptionCheck();
  const timingNow = await jobTiming(app);
  const timings = remembered<JobTiming>(timingForMs, cli.clock.monotonicMs);
  const readiness = remembered<Readiness>(1_000, cli.clock.monotonicMs);
  /** One at a time by the same key: the second is told of the first one's run. */
  const starting = new Map<string, Promise<Started>>();

  function specNamed(name: string): SeenSpec {
    const spec = specs.specs().find((each) => each.name === name);
    if (spec !== undefined) return spec;
    throw new SpecError("spec.not-found", `there is no job \`${name}\` here`, {
      hint: "GET /v1/jobs lists them.",
    });
  }

  function goodSpec(name: string): ServedSpec | null {
    return specs.specs().find((each) => each.name === name)?.good ?? null;
  }

  function scheduled(name: string): void {
    const { good, error } = specNamed(name);
    if (good === null && error !== null) throw error;
    if (good?.schedule == null)
      throw new SpecError("usage.no-schedule", `${name} has no schedule`, {
        hint: "Add `schedule: { cron: ... }` to the job.",
      });
  }

  async function viewOf(spec: SeenSpec): Promise<JobView> {
    const { name, good } = spec;
    const schedule = good?.schedule ?? null;
    const timing = await timings(name, () => timingNow({ name, schedule }, cli.clock.now()));
    // A pause that was just asked for is seen at once.
    const paused = schedule !== null && (await book.isPaused(name));
    const open = schedule === null ? [] : await book.open(name);
    return jobView(spec, { ...timing, paused, next: paused ? null : timing.next, open }, cli.cwd);
  }

  async function stateOf(id: string): Promise<RunState> {
    const state = await ledger.readRun(id);
    if (state !== null) return state;
    throw new SpecError("usage.unknown-run", `there is no run \`${id}\``, {
      hint: "GET /v1/runs lists them.",
    });
  }

  async function start(name: string, request: StartRequest, options: StartOptions): Promise<Started> {
    const { good, error } = specNamed(name);
    if (good === null) throw error ?? new Error(`${name} is neither good nor broken`);
    const { idempotencyKey } = options;
    if (idempotencyKey === null) return startOnce(good, request, options);
    const earlier = starting.get(idempotencyKey) ?? Promise.resolve();
    const turn = earlier.catch(() => undefined).then(() => startOnce(good, request, options));
    starting.set(idempotencyKey, turn);
    try {
      return await turn;
    } finally {
      if (starting.get(idempotencyKey) === turn) starting.delete(idempotencyKey);
    }
  }

  async function startOnce(
    good: ServedSpec,
    request: StartRequest,
    { idempotencyKey, signal }: StartOptions,
  ): Promise<Started> {
    const mark = idempotencyKey === null ? null : markOf(idempotencyKey, good.name, request);
    const before = mark === null ? null : await findMarked(ledger, good.name, mark, cli.clock.now());
    if (before !== null) return { ...(await goOn(await stateOf(before.id))), ...warned(before.interval) };
    const { at, vars, lane, reprocess = false } = request;
    const moment = { ...(at === undefined ? {} : { at }), ...(vars === undefined ? {} : { vars }) };
    const job = await jobAt(cli, good, { ...moment, givenBy: "client" });
    const warnings = warned(job.interval);
    const wanted: RunRequest = {
      ...{ job, kind: "spec", specPath: good.path, trigger: "api" },
      ...{ guess: false, reprocess, restart: false, takeOver: false },
      ...(mark === null ? {} : { mark }),
      ...(lane === undefined ? {} : { lane }),
    };
    const recorded = await (await (await planning()).runner()).record(wanted, signal);
    if (recorded.is === "published")
      return { run: recorded.runId, outcome: "already-published", ...warnings };
    const state = await stateOf(recorded.runId);
    if (recorded.is === "unfinished") return { ...(await goOn(state)), ...warnings };
    asked.ask(state.run);
    return { run: recorded.runId, outcome: "recorded", ...warnings };
  }

  function warned(interval: Interval | null): Pick<Started, "warnings"> {
    const warnings = interval === null ? [] : warningsOfInterval(interval, cli.clock.now());
    return warnings.length === 0 ? {} : { warnings: [...warnings] };
  }

  /** Of a run that there is. */
  async function goOn(state: RunState): Promise<Started> {
    const { run, status, owner } = state;
    if (status === "published") return { run: run.id, outcome: "already-published" };
    const isWorkedOn = owner !== null && !isInterrupted(state);
    // What waits here was recorded; but the ledger may know by now that it is not wanted any more.
    if (isWorkedOn || (asked.isHeld(run.id) && !isResumable(state)))
      return { run: run.id, outcome: "running" };
    await ledger.requestRetry(run.id);
    asked.ask(run);
    return { run: run.id, outcome: "resumed" };
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
    jobs: () => Promise.all(specs.specs().map(viewOf)),
    job: async (name) => viewOf(specNamed(name)),

    async runs({ job, status, limit, cursor }) {
      const statusOf = await statusCheck(cli);
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
      return {
        runs: await Promise.all(page.map(async (state) => runView(state, await statusOf(state)))),
        next,
      };
    },

    async run(id) {
      const state = await stateOf(id);
      return runDetail(state, await (await statusCheck(cli))(state), await ledger.countPartitions(id));
    },

    start,

    async retry(id) {
      const state = await stateOf(id);
      const { status, owner } = state;
      if (isFinal(state)) throw runEnded(id, status);
      if (!asked.isHeld(id) && owner !== null && !isInterrupted(state)) throw ownerAlive(id, owner.pid);
      await ledger.requestRetry(id);
      asked.ask(state.run);
      return { run: id, outcome: "resumed" };
    },

    async cancel(id, signal) {
      const runner = await app.runner();
      const { run, status } = await runner.cancel(id, { takeOver: false, waitMs: cancelWithinMs, signal });
      if (["cancelled", "already-cancelled", "not-stopped"].includes(status))
        await endTicksOf(run, goodSpec(run.jobName), book, cli.clock.now());
      return { run: id, outcome: status };
    },

    async pause(job) {
      scheduled(job);
      return { job, paused: true, changed: await book.pause(job, cli.clock.now()) };
    },
    async resume(job) {
      scheduled(job);
      return { job, paused: false, changed: await book.resume(job, cli.clock.now()) };
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

/** One answer for all who ask within a while; one that failed is asked for again. */
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
