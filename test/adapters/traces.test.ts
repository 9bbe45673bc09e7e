/** Runs as spans, by a real SDK. */
import { SpanStatusCode, trace } from "@opentelemetry/api";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ErrorRecord } from "../../src/errors.js";
import { noStats } from "../../src/job/partition.js";
import type { RunEvent } from "../../src/job/run-events.js";
import type { Observer } from "../../src/observers/observer.js";
import { openTraces } from "../../src/observers/traces/open-traces.js";
import { planned, published, runEvent } from "../support/run-events.js";

const exporter = new InMemorySpanExporter();
let observer: Observer;
beforeEach(async () => {
  exporter.reset();
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
  );
  const opened = await openTraces();
  if (opened === null) throw new Error("an SDK is registered");
  observer = opened;
});
afterEach(() => trace.disable());

const interval = { start: "2026-01-14T00:00:00Z", end: "2026-01-15T00:00:00Z", ds: "2026-01-14" };
const error: ErrorRecord = {
  ...{ kind: "data", code: "data.row-failed", message: "row 7 of a.parquet", retryable: false, details: {} },
};
const at = (event: RunEvent, second: number): RunEvent => ({
  ...event,
  at: `2026-01-15T02:15:${String(second).padStart(2, "0")}.000Z`,
});
const started = runEvent({
  type: "run.started",
  job: "flights",
  trigger: "schedule",
  interval,
  resumed: false,
});
const attempt = (partition: number, attemptId: string) =>
  runEvent({ type: "partition.started", partition, epoch: 1, attemptId });
const accepted = (partition: number, attemptId: string) =>
  runEvent({
    ...{ type: "partition.accepted", partition, epoch: 1, attemptId },
    rows: { read: 10, predicted: 9, quarantined: 1, filtered: 0 },
    stats: { ...noStats, seconds: { ...noStats.seconds, predict: 2.5 }, bytesRead: 4096 },
  });
const tell = (...events: readonly RunEvent[]): void => {
  for (const event of events) observer.on(event);
};
const spans = () =>
  exporter.getFinishedSpans().map((span) => ({
    name: span.name,
    from: seconds(span.startTime),
    to: seconds(span.endTime),
    parent: parentOf(span)?.name ?? null,
  }));
const seconds = ([whole, nanos]: readonly [number, number]) =>
  whole + nanos / 1e9 - Date.parse("2026-01-15T02:15:00Z") / 1000;
const parentOf = (span: ReadableSpan) =>
  exporter.getFinishedSpans().find((other) => other.spanContext().spanId === span.parentSpanContext?.spanId);
const named = (name: string) => exporter.getFinishedSpans().filter((span) => span.name === name);

test("a run holds its planning, its attempts and its publishing, each with its times", () => {
  tell(
    at(started, 5),
    at({ ...planned, seconds: 2 } as RunEvent, 5),
    at(attempt(0, "a"), 6),
    at(attempt(1, "b"), 6),
    at(accepted(0, "a"), 8),
    at(
      runEvent({ type: "partition.failed", partition: 1, epoch: 1, attemptId: "b", error, next: "pending" }),
      9,
    ),
    at(attempt(1, "c"), 10),
    at(accepted(1, "c"), 11),
    at(
      runEvent({ type: "run.publishing", rows: { read: 20, predicted: 18, quarantined: 2, filtered: 0 } }),
      12,
    ),
    at(published, 13),
  );
  expect(spans()).toEqual([
    { name: "nightshift.plan", from: 3, to: 5, parent: "nightshift.run" },
    { name: "nightshift.partition", from: 6, to: 8, parent: "nightshift.run" },
    { name: "nightshift.partition", from: 6, to: 9, parent: "nightshift.run" },
    { name: "nightshift.partition", from: 10, to: 11, parent: "nightshift.run" },
    { name: "nightshift.publish", from: 12, to: 13, parent: "nightshift.run" },
    { name: "nightshift.run", from: 3, to: 13, parent: null },
  ]);
  const [first, second] = named("nightshift.partition");
  expect(first?.attributes).toMatchObject({
    "nightshift.partition": 0,
    "nightshift.epoch": 1,
    "nightshift.attempt": "a",
    "nightshift.rows.quarantined": 1,
    "nightshift.step.predict.seconds": 2.5,
    "nightshift.bytes.read": 4096,
  });
  expect(second?.status).toEqual({ code: SpanStatusCode.ERROR, message: "data.row-failed" });
  expect(named("nightshift.run")[0]?.attributes).toMatchObject({
    "nightshift.run": "r1",
    "nightshift.job": "flights",
    "nightshift.trigger": "schedule",
    "nightshift.interval.start": interval.start,
    "nightshift.rows.predicted": 2_999_990,
  });
  expect(named("nightshift.run")[0]?.status.code).toBe(SpanStatusCode.UNSET);
  expect(
    JSON.stringify(exporter.getFinishedSpans().map(({ attributes, status }) => [attributes, status])),
  ).not.toContain("row 7");
});

test("a run that fails while it publishes has both spans in error, and nothing is left open", () => {
  tell(
    at(started, 0),
    at(planned, 0),
    at(attempt(0, "a"), 1),
    at(runEvent({ type: "run.publishing", rows: { read: 1, predicted: 1, quarantined: 0, filtered: 0 } }), 2),
    at(runEvent({ type: "run.failed", error }), 3),
  );
  observer.ended?.({
    ...{ at: "2026-01-15T02:15:03.000Z", job: "flights", interval, trigger: "schedule", target: "/out" },
    ...{ runId: "r1", status: "failed", rows: { read: 0, predicted: 0, quarantined: 0, filtered: 0 } },
    ...{ seconds: 3, error },
  });
  expect(exporter.getFinishedSpans().map(({ name, status }) => [name, status.code])).toEqual([
    ["nightshift.partition", SpanStatusCode.UNSET],
    ["nightshift.publish", SpanStatusCode.ERROR],
    ["nightshift.run", SpanStatusCode.ERROR],
  ]);
});

test("a failure before a run exists is a span of its own", () => {
  observer.ended?.({
    ...{
      at: "2026-01-15T02:15:04.000Z",
      job: "flights",
      interval,
      trigger: "cli",
      target: "/out",
      runId: null,
    },
    ...{ status: "failed", rows: { read: 0, predicted: 0, quarantined: 0, filtered: 0 }, seconds: 4, error },
  });
  expect(spans()).toEqual([{ name: "nightshift.run", from: 0, to: 4, parent: null }]);
  expect(named("nightshift.run")[0]?.attributes["error.type"]).toBe("data.row-failed");
});

test("two runs at a time stay apart", () => {
  const other = (event: RunEvent): RunEvent => ({ ...event, runId: "r2" });
  tell(started, other(started), planned, other(planned), attempt(0, "a"), other(attempt(0, "b")));
  tell(accepted(0, "a"), other(accepted(0, "b")), published, other(published));
  const traces = exporter.getFinishedSpans().map((span) => span.spanContext().traceId);
  expect(new Set(traces).size).toBe(2);
});

test("without an SDK there are no traces", async () => {
  trace.disable();
  Reflect.deleteProperty(globalThis, Symbol.for("opentelemetry.js.api.1"));
  expect(await openTraces()).toBeNull();
});
