/**
 * Creates spans of a run from its events: `nightshift.run`, in it `nightshift.plan`, a `nightshift.partition`
 * for each attempt, and `nightshift.publish`. Spans contain names, counts and codes, but no messages and no
 * rows.
 */
import { type Attributes, context, type Span, SpanStatusCode, trace } from "@opentelemetry/api";
import type { ErrorRecord } from "../../errors.js";
import type { AttemptStats, RowCounts } from "../../job/partition.js";
import type { RunEvent } from "../../job/run-events.js";
import type { Observer, RunEnd } from "../observer.js";

type Started = RunEvent & { readonly type: "run.started" };

interface TracedRun {
  readonly started: Started;
  readonly span: Span;
  /** Unfinished attempts by id. */
  readonly attempts: Map<string, Span>;
  publish: Span | null;
}

const flushWithinMs = 5_000;

export function runTraces(): Observer {
  const tracer = trace.getTracer("nightshift");
  const around = context.active();
  const starting = new Map<string, Started>();
  const runs = new Map<string, TracedRun>();
  /** Runs whose failure has been recorded: their end adds nothing. */
  const failed = new Set<string>();

  function on(event: RunEvent): void {
    if (event.type === "run.started") {
      // Planning came before; the next event contains its duration.
      starting.set(event.runId, event);
      return;
    }
    const run = runs.get(event.runId) ?? begin(event);
    if (run !== null) note(run, event);
  }

  function begin(event: RunEvent): TracedRun | null {
    const started = starting.get(event.runId);
    if (started === undefined) return null;
    starting.delete(event.runId);
    const at = Date.parse(started.at);
    const planMs = event.type === "run.planned" ? (event.seconds ?? 0) * 1000 : 0;
    const span = tracer.startSpan(
      "nightshift.run",
      { startTime: at - planMs, attributes: ofStart(started) },
      around,
    );
    const run: TracedRun = { started, span, attempts: new Map(), publish: null };
    if (planMs > 0) child(run, "nightshift.plan", at - planMs).end(at);
    runs.set(event.runId, run);
    return run;
  }

  function child({ span }: TracedRun, name: string, startTime: number, attributes: Attributes = {}): Span {
    return tracer.startSpan(name, { startTime, attributes }, trace.setSpan(around, span));
  }

  function note(run: TracedRun, event: RunEvent): void {
    const at = Date.parse(event.at);
    switch (event.type) {
      case "run.planned":
        run.span.setAttributes({
          "nightshift.provider": event.provider,
          "nightshift.partitions": event.totals.partitions,
          ...(event.model === undefined
            ? {}
            : { "nightshift.model.sha256": event.model.sha256, "nightshift.engine": event.model.engine }),
        });
        break;
      case "partition.started": {
        const { partition, epoch, attemptId } = event;
        const of = { "nightshift.partition": partition, "nightshift.epoch": epoch };
        const attributes = { ...of, "nightshift.attempt": attemptId };
        run.attempts.set(attemptId, child(run, "nightshift.partition", at, attributes));
        break;
      }
      case "partition.accepted":
        endAttempt(run, event.attemptId, at, (span) =>
          span.setAttributes({ ...ofRows(event.rows), ...ofStats(event.stats) }),
        );
        break;
      case "partition.failed":
        endAttempt(run, event.attemptId, at, (span) => {
          span.setAttribute("nightshift.next", event.next);
          fail(span, event.error);
        });
        break;
      case "partition.fenced":
        endAttempt(run, event.attemptId, at, (span) => span.setAttribute("nightshift.fenced", true));
        break;
      case "host.died":
        run.span.addEvent("host.died", { "nightshift.cause": event.cause }, at);
        break;
      case "run.publishing":
        run.publish = child(run, "nightshift.publish", at);
        break;
      case "run.published":
        run.span.setAttributes({ ...ofRows(event.rows), "nightshift.publication": event.publication });
        end(run, at, null);
        break;
      case "run.superseded":
        run.span.setAttribute("nightshift.superseded_by", event.by);
        end(run, at, null);
        break;
      case "run.cancelled":
        run.span.setAttribute("nightshift.cancelled", true);
        end(run, at, null);
        break;
      case "run.failed":
        failed.add(event.runId);
        end(run, at, event.error);
        break;
    }
  }

  function endAttempt(run: TracedRun, id: string | null, at: number, tell: (span: Span) => void): void {
    const span = run.attempts.get(id ?? "");
    if (span === undefined) return;
    tell(span);
    span.end(at);
    run.attempts.delete(id ?? "");
  }

  function end({ started, span, attempts, publish }: TracedRun, at: number, error: ErrorRecord | null): void {
    // Unfinished attempts are released, or continue in workers without being followed here.
    for (const attempt of attempts.values()) attempt.end(at);
    if (error !== null) for (const each of [span, publish]) if (each !== null) fail(each, error);
    publish?.end(at);
    span.end(at);
    runs.delete(started.runId);
  }

  /** A request that failed before a run was created gets a span too. */
  function ended({ at, job, trigger, runId, status, seconds, error }: RunEnd): void {
    if (status !== "failed" || error === null || (runId !== null && failed.delete(runId))) return;
    const endTime = Date.parse(at);
    const attributes = { "nightshift.job": job, "nightshift.trigger": trigger };
    const startTime = endTime - seconds * 1000;
    const span = tracer.startSpan("nightshift.run", { startTime, attributes }, around);
    fail(span, error);
    span.end(endTime);
  }

  return { on, ended, close: flush };
}

/** Exporters buffer spans, and this process may be about to end. */
async function flush(): Promise<void> {
  const provider: unknown = trace.getTracerProvider();
  const delegate: unknown = isFlushable(provider) ? provider : getDelegate(provider);
  if (!isFlushable(delegate)) return;
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, flushWithinMs);
  });
  await Promise.race([delegate.forceFlush().catch(() => undefined), enough]);
  clearTimeout(timer);
}

function getDelegate(provider: unknown): unknown {
  if (typeof provider !== "object" || provider === null || !("getDelegate" in provider)) return null;
  return typeof provider.getDelegate === "function" ? provider.getDelegate() : null;
}

function isFlushable(provider: unknown): provider is { forceFlush(): Promise<void> } {
  return (
    typeof provider === "object" &&
    provider !== null &&
    "forceFlush" in provider &&
    typeof provider.forceFlush === "function"
  );
}

function fail(span: Span, { code }: ErrorRecord): void {
  span.setStatus({ code: SpanStatusCode.ERROR, message: code });
  span.setAttribute("error.type", code);
}

function ofStart({ runId, job, trigger, interval, resumed }: Started): Attributes {
  return {
    "nightshift.run": runId,
    "nightshift.job": job,
    "nightshift.trigger": trigger,
    "nightshift.resumed": resumed,
    ...(interval === null
      ? {}
      : { "nightshift.interval.start": interval.start, "nightshift.interval.end": interval.end }),
  };
}

function ofRows({ read, predicted, quarantined, filtered }: RowCounts): Attributes {
  return {
    "nightshift.rows.read": read,
    "nightshift.rows.predicted": predicted,
    "nightshift.rows.quarantined": quarantined,
    "nightshift.rows.filtered": filtered,
  };
}

/** The steps alternate chunk by chunk, so they are sums instead of spans. */
function ofStats({ seconds, bytesRead, bytesWritten, modelLoadSeconds }: AttemptStats): Attributes {
  return {
    ...Object.fromEntries(
      Object.entries(seconds).map(([step, spent]) => [`nightshift.step.${step}.seconds`, spent]),
    ),
    "nightshift.bytes.read": bytesRead,
    "nightshift.bytes.written": bytesWritten,
    ...(modelLoadSeconds === undefined ? {} : { "nightshift.model_load.seconds": modelLoadSeconds }),
  };
}
