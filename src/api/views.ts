/** Jobs and runs as the HTTP interface shows them. */

import type { ErrorRecord, NightshiftError } from "../errors.js";
import type { PartitionCounts } from "../ledgers/ledger.js";
import type { TickProgress } from "../ledgers/schedule-store.js";
import { shownPath } from "../service/paths.js";
import type { JobStatus, RunStatus } from "../service/requests.js";
import type { JobView, RunDetail, RunView } from "./schemas.js";

export function runView({ state, status }: RunStatus): RunView {
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

export function runDetail({
  state,
  status,
  partitions,
}: RunStatus & { readonly partitions: PartitionCounts }): RunDetail {
  const { pending = 0, leased = 0, running = 0, accepted = 0, failed = 0, poisoned = 0 } = partitions;
  return {
    ...runView({ state, status }),
    partitions: { pending, leased, running, accepted, failed, poisoned },
    reasons: { ...state.reasons },
    provider: state.provider,
  };
}

/** @param cwd paths below it are shown relative to it */
export function jobView({ spec, timing, open }: JobStatus, cwd: string): JobView {
  const { name, path, good, error } = spec;
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
    waiting: open.flatMap(({ at, progress }) => (progress ? [waitingView(at, progress)] : [])),
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

/** A client does not see the spec: `2 mistakes in jobs/x.yaml` alone does not tell it what is wrong. */
function withMistakes({ message, details }: Pick<NightshiftError, "message" | "details">): string {
  const { diagnostics } = details;
  if (!Array.isArray(diagnostics)) return message;
  const texts = diagnostics.flatMap((each: unknown) =>
    typeof each === "object" && each !== null && "message" in each ? [String(each.message)] : [],
  );
  return texts.length === 0 ? message : `${message}: ${texts.slice(0, 5).join("; ")}`;
}
