/** Log lines of services and workers: one line an event, for any values. */
import { expect, test } from "vitest";
import { serveLine } from "../../src/cli/output/serve-text.js";
import { RunLines } from "../../src/cli/working/run-lines.js";
import type { RunEnd } from "../../src/observers/observer.js";
import { type LogEntry, logText } from "../../src/text/log-text.js";

const at = new Date("2026-01-15T02:15:00.123Z");

test.each([
  ["plain", "plain"],
  ["a b", '"a b"'],
  ["a=b", '"a=b"'],
  ['say "no"', String.raw`"say \"no\""`],
  ["two\nlines", String.raw`"two\nlines"`],
  ["\u001b[31m\u009b\u2028", String.raw`"\u001b[31m\u009b\u2028"`],
  ["", '""'],
])("%j is written as %s", (value, written) => {
  const text = logText(at, {
    level: "warn",
    message: "it is",
    fields: { value, none: null, n: 1.5, yes: true },
  });
  expect(text).toBe(`2026-01-15T02:15:00.123Z warn  it is value=${written} n=1.5 yes=true`);
});

test("a run's end has its rows and seconds", () => {
  const rows = { read: 1000, predicted: 990, quarantined: 10, filtered: 0 };
  const end: RunEnd = {
    at: at.toISOString(),
    job: "daily",
    interval: null,
    trigger: "schedule",
    target: "out",
    runId: "daily-g1",
    status: "published",
    rows,
    seconds: 1.23456,
    error: null,
  };
  expect(serveLine({ type: "run.finished", end }, "/", at)).toBe(
    "2026-01-15T02:15:00.123Z info  run finished job=daily run=daily-g1 status=published rows=1000 predicted=990 quarantined=10 seconds=1.235",
  );
});

test("a worker logs a run once when it begins and once when no more of it comes", () => {
  let nowMs = 0;
  const logged: LogEntry[] = [];
  const timers = new Set<() => void>();
  const lines = new RunLines({
    monotonicMs: () => nowMs,
    log: (entry) => void logged.push(entry),
    after: (_, work) => {
      timers.add(work);
      return () => timers.delete(work);
    },
  });
  const ref = (partition: number) => ({ runId: "r", partition, epoch: 1 });
  const begin = (partition: number) =>
    lines.on({ type: "started", ref: ref(partition), attemptId: `${partition}` });
  const accept = (partition: number, read: number) => {
    const receipt = { ref: ref(partition), rows: { read, predicted: read, quarantined: 0, filtered: 0 } };
    lines.on({ type: "accepted", ref: ref(partition), receipt } as unknown as Parameters<RunLines["on"]>[0]);
  };
  begin(0);
  nowMs = 1000;
  accept(0, 10);
  begin(1);
  expect(timers.size).toBe(0);
  nowMs = 2500;
  accept(1, 5);
  for (const work of timers) work();
  expect(logged).toEqual([
    { level: "info", message: "run started here", fields: { run: "r" } },
    {
      ...{ level: "info", message: "run finished here" },
      fields: { run: "r", partitions: 2, failed: 0, rows: 15, seconds: 2.5 },
    },
  ]);
});
