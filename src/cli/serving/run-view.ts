/** Jobs and runs as the HTTP interface tells them. */
import type { JobView, RunDetail, RunView } from "../../api/schemas.js";
import type { ErrorRecord, NightshiftError } from "../../errors.js";
import type { RunState } from "../../job/run.js";
import type { PartitionCounts } from "../../ledgers/ledger.js";
import type { OpenTick, TickProgress } from "../../ledgers/schedule-store.js";
import type { JobTiming } from "../lookup/job-timing.js";
import type { ShownStatus } from "../lookup/shown-status.js";
import { shownPath } from "../output/paths.js";
import type { SeenSpec } from "./spec-folder.js";

export function runView(state: RunState, status: ShownStatus): RunView {
  const { run, accepted, totals, publication, error, startedAt, updatedAt } = state;
  const { read, predicted, quarantined, filtered } = accepted.rows;
  return {
    id: run.id,
    job: run.jobName,
    interval:
      run.interval === null
        ? null
        : { start: run.interval.start, end: run.interval.end, ds: run.interval.ds },
    generation: run.key.generation,
    vars: { ...run.job.vars },
    trigger: run.trigger,
    status,
    output: run.target,
    rows: { read, predicted, quarantined, filtered },
    rowsPlanned: totals?.rows ?? null,
    publication,
    error: error === null ? null : errorView(error),
    createdAt: run.createdAt,
    startedAt,
    updatedAt,
  };
}

export function runDetail(state: RunState, status: ShownStatus, partitions: PartitionCounts): RunDetail {
  const { pending = 0, leased = 0, running = 0, accepted = 0, failed = 0, poisoned = 0 } = partitions;
  return {
    ...runView(state, status),
    partitions: { pending, leased, running, accepted, failed, poisoned },
    reasons: { ...state.reasons },
    provider: state.provider,
  };
}

export function jobView(
  { name, path, good, error }: SeenSpec,
  timing: JobTiming & { readonly open: readonly OpenTick[] },
  cwd: string,
): JobView {
  const schedule = good?.schedule ?? null;
  return {
    name,
    spec: shownPath(path, cwd),
    serves: error === null ? "current" : good === null ? "nothing" : "last-good",
    error: error === null ? null : { ...errorView(error), message: withMistakes(error) },
    every: good?.rule?.every ?? null,
    schedule: schedule === null ? null : { cron: schedule.expression, timezone: schedule.timezone },
    paused: timing.paused,
    last: timing.last,
    next: timing.next,
    waiting: timing.open.flatMap(({ at, progress }) => (progress ? [waitingView(at, progress)] : [])),
    freshnessSeconds: timing.freshnessSeconds,
  };
}

function waitingView(tick: string, progress: TickProgress): JobView["waiting"][number] {
  const { status, since, until, nextAt, reason, attempts } = progress;
  return {
    ...{ tick, status, since, until, nextAt },
    reason: { code: reason.code, message: reason.message },
    attempts: attempts.map(({ at, runId, error }) => ({ at, runId, error })),
  };
}

function errorView({
  code,
  message,
  hint,
}: Pick<ErrorRecord | NightshiftError, "code" | "message" | "hint">): {
  code: string;
  message: string;
  hint?: string;
} {
  return { code, message, ...(hint === undefined ? {} : { hint }) };
}

/** `2 mistakes in jobs/x.yaml` alone says too little to whoever is not there. */
function withMistakes({ message, details }: Pick<NightshiftError, "message" | "details">): string {
  const { diagnostics } = details;
  if (!Array.isArray(diagnostics)) return message;
  const texts = diagnostics.flatMap((each: unknown) =>
    typeof each === "object" && each !== null && "message" in each ? [String(each.message)] : [],
  );
  return texts.length === 0 ? message : `${message}: ${texts.slice(0, 5).join("; ")}`;
}
