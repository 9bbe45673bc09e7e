/** Notices: who receives which event, with which body, and what happens if the receiver does not answer. */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Notice, NotifySettings } from "../../src/job/notice.js";
import { noRows } from "../../src/job/partition.js";
import type { RunEvent } from "../../src/job/run-events.js";
import { type Due, jobNotices } from "../../src/observers/notices/job-notices.js";
import { createOutbox, type Outbox } from "../../src/observers/notices/outbox.js";
import type { RunEnd } from "../../src/observers/observer.js";
import { httpReceiver, type Receiver, refusingUrl } from "../support/http-receiver.js";
import { progress, runEvent } from "../support/run-events.js";

const interval = { start: "2026-01-15T00:00:00Z", end: "2026-01-16T00:00:00Z", ds: "2026-01-15" };
const failure: Notice = {
  event: "failed",
  at: "2026-01-16T02:15:04.000Z",
  job: "flights",
  interval,
  trigger: "schedule",
  target: "/data/out",
  runId: "flights-2026-01-15-1a2b-g1",
  error: {
    code: "source.not-found",
    message: "Nothing matches <dt=2026-01-15> & hunter2.",
    hint: "Check it.",
  },
  remedy: "nightshift retry flights-2026-01-15-1a2b-g1",
  rows: null,
  deadline: null,
  expectedAt: null,
};

let receiver: Receiver;
let troubles: string[];
let pauses: number[];
beforeEach(async () => {
  receiver = await httpReceiver();
  troubles = [];
  pauses = [];
});
afterEach(() => receiver.close());

/** Pauses are noted, and take no time. */
function outboxNow(): Outbox {
  return createOutbox({
    pause: async (ms) => void pauses.push(ms),
    mask: (text) => text.replaceAll("hunter2", "***"),
    onTrouble: (text) => void troubles.push(text),
    answerWithinMs: 2_000,
  });
}

const to = (channels: Partial<NotifySettings>): NotifySettings => ({
  ...{ events: ["failed", "recovered", "late"], deadline: null, webhook: null, slack: null },
  ...channels,
});

/** What was posted, once the outbox has nothing in progress. The close waits for as long as it takes. */
async function posted(notice: Notice, settings: NotifySettings) {
  const outbox = createOutbox({
    pause: (ms, signal) =>
      ms >= 1e6
        ? new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }))
        : Promise.resolve(void pauses.push(ms)),
    mask: (text) => text.replaceAll("hunter2", "***"),
    onTrouble: (text) => void troubles.push(text),
    answerWithinMs: 2_000,
  });
  outbox.send(notice, settings);
  await outbox.close(1e6);
  return receiver.received.map(({ body }) => JSON.parse(body));
}

test("a webhook gets the whole story under a version, with secrets masked", async () => {
  expect(await posted(failure, to({ webhook: `${receiver.url}/hook` }))).toEqual([
    {
      version: 1,
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      event: "failed",
      at: "2026-01-16T02:15:04.000Z",
      job: "flights",
      interval,
      trigger: "schedule",
      target: "/data/out",
      runId: "flights-2026-01-15-1a2b-g1",
      error: {
        code: "source.not-found",
        message: "Nothing matches <dt=2026-01-15> & ***.",
        hint: "Check it.",
      },
      rows: null,
      deadline: null,
      expectedAt: null,
      text: "flights failed for 2026-01-15",
      remedy: "nightshift retry flights-2026-01-15-1a2b-g1",
    },
  ]);
  expect(receiver.received[0]).toMatchObject({ method: "POST", path: "/hook" });
});

test("what arrives twice has one id, and nothing else has the same", async () => {
  receiver.answer(503, 200);
  const webhook = to({ webhook: receiver.url });
  await posted(failure, webhook);
  await posted({ ...failure, at: "2026-01-16T02:20:00.000Z" }, webhook);
  await posted({ ...failure, runId: null }, webhook);
  // Two processes that could not agree on who tells.
  for (const at of ["2026-01-16T06:00:00.000Z", "2026-01-16T06:00:02.000Z"])
    await posted({ ...failure, event: "late", at, runId: at }, webhook);
  const ids = receiver.received.map(({ body }) => JSON.parse(body).id);
  expect(ids).toHaveLength(6);
  expect(ids[1]).toBe(ids[0]);
  expect(ids[5]).toBe(ids[4]);
  expect(new Set(ids).size).toBe(4);
});

test("Slack gets what people read: what failed, why, what to do, and no markup from a message", async () => {
  const [body] = await posted(failure, to({ slack: receiver.url }));
  expect(body.text).toBe("flights failed for 2026-01-15");
  const texts = body.blocks.map(
    (block: { text?: { text: string }; elements?: { text: string }[] }) =>
      block.text?.text ?? block.elements?.[0]?.text,
  );
  expect(texts).toEqual([
    ":red_circle: *flights failed for 2026-01-15*",
    "Nothing matches &lt;dt=2026-01-15&gt; &amp; ***.\n_source.not-found_",
    ">Check it.",
    "Once fixed: `nightshift retry flights-2026-01-15-1a2b-g1`",
    "to `/data/out`  ·  run `flights-2026-01-15-1a2b-g1`  ·  by schedule",
  ]);
});

test("each event has its own words", async () => {
  const well: Notice = { ...failure, event: "recovered", error: null, remedy: null, rows: 16_927 };
  const late: Notice = {
    ...failure,
    event: "late",
    error: null,
    remedy: null,
    deadline: "2026-01-16T06:00:00.000Z",
  };
  const foreseen: Notice = { ...late, expectedAt: "2026-01-16T06:40:00.000Z" };
  for (const notice of [well, late, foreseen, failure]) await posted(notice, to({ webhook: receiver.url }));
  expect(
    receiver.received.map(({ body }) => JSON.parse(body)).map(({ text, remedy }) => [text, remedy]),
  ).toEqual([
    ["flights has recovered: published for 2026-01-15, 16,927 rows", null],
    ["flights is late for 2026-01-15: due 2026-01-16 06:00 UTC, not published yet", null],
    ["flights will be late for 2026-01-15: due 2026-01-16 06:00 UTC, expected 2026-01-16 06:40 UTC", null],
    ["flights failed for 2026-01-15", failure.remedy],
  ]);
});

test("an event that the job does not list is not sent", async () => {
  expect(await posted(failure, to({ webhook: receiver.url, events: ["late"] }))).toEqual([]);
  expect(await posted(failure, to({}))).toEqual([]);
});

test("a receiver that fails, hangs and hangs up is tried again, a little later each time, and posted once", async () => {
  receiver.answer(500, "hang", "drop", 200);
  await posted(failure, to({ webhook: receiver.url }));
  expect(receiver.received).toHaveLength(4);
  expect(pauses).toEqual([1_000, 5_000, 25_000]);
  expect(troubles).toEqual([]);
});

test("one that never takes it is abandoned and logged, without the URL", async () => {
  receiver.answer(503);
  const { host } = new URL(receiver.url);
  await posted(failure, to({ slack: `${receiver.url}/services/T0/SECRET` }));
  expect(receiver.received).toHaveLength(4);
  expect(troubles).toEqual([
    `Slack at ${host} did not receive the notice that flights failed: it answered 503, the last of 4 times`,
  ]);
  troubles = [];
  const gone = await refusingUrl();
  await posted(failure, to({ webhook: gone }));
  expect(troubles).toEqual([
    `the webhook at ${new URL(gone).host} did not receive the notice that flights failed: it cannot be reached (ECONNREFUSED), the last of 4 times`,
  ]);
});

test("one that refuses it is not asked again", async () => {
  receiver.answer(404);
  await posted(failure, to({ webhook: receiver.url }));
  expect(receiver.received).toHaveLength(1);
  expect(troubles[0]).toMatch(/it answered 404$/);
});

test("sending returns at once, and closing waits for a limited time", async () => {
  receiver.answer("hang");
  const outbox = outboxNow();
  outbox.send(failure, to({ webhook: receiver.url }));
  expect(receiver.received).toHaveLength(0);
  await receiver.until(1);
  await outbox.close(0);
  expect(troubles).toEqual([expect.stringContaining("there was no more time")]);
});

const end = (status: RunEnd["status"], more: Partial<RunEnd> = {}): RunEnd => ({
  ...{ at: failure.at, job: "flights", interval, trigger: "schedule", target: "/data/out", runId: "r1" },
  ...{ status, rows: { ...noRows, predicted: 7 }, seconds: 1, error: null },
  ...more,
});

function watching(before: "published" | "failed" | null, due: Due | null = null) {
  const notices: Notice[] = [];
  const claims: string[] = [];
  const timers: { readonly ms: number; readonly work: () => void; isOn: boolean }[] = [];
  let nowMs = 0;
  const startMs = Date.parse("2026-01-16T02:15:00Z");
  const observer = jobNotices({
    ...{ before, due },
    clock: { now: () => new Date(startMs + nowMs), monotonicMs: () => nowMs },
    after(ms, work) {
      const timer = { ms, work, isOn: true };
      timers.push(timer);
      return () => {
        timer.isOn = false;
      };
    },
    async claimLate(job, { start }) {
      const isFirst = !claims.includes(`${job} ${start}`);
      claims.push(`${job} ${start}`);
      return isFirst;
    },
    notify: (notice) => void notices.push(notice),
  });
  const pass = (ms: number): void => {
    nowMs += ms;
  };
  return { observer, notices, claims, timers, pass, events: () => notices.map(({ event }) => event) };
}

test("a failure is sent each time, recovery once and only after a failure", () => {
  const { observer, events, notices } = watching(null);
  for (const status of [
    "published",
    "failed",
    "failed",
    "already-published",
    "cancelled",
    "skipped",
  ] as const)
    observer.ended?.(end(status));
  expect(events()).toEqual(["failed", "failed"]);
  observer.ended?.(end("published"));
  observer.ended?.(end("published"));
  expect(events()).toEqual(["failed", "failed", "recovered"]);
  expect(notices.at(-1)).toMatchObject({ rows: 7, runId: "r1" });
});

test.each([
  ["infra.unreachable", "infra", "r1", "nightshift retry r1"],
  ["model.changed", "model", "r1", "nightshift retry r1"],
  ["data.rows", "data", "r1", "nightshift run flights --at 2026-01-15 --var 'region=a b' --restart"],
  [
    "data.rows",
    "data",
    "flights-2026-01-15-1a2b-g2",
    "nightshift run flights --at 2026-01-15 --var 'region=a b' --reprocess --restart",
  ],
  ["source.not-found", "data", null, "nightshift run flights --at 2026-01-15 --var 'region=a b'"],
  [
    "refused.other-fingerprint",
    "spec",
    null,
    "nightshift run flights --at 2026-01-15 --var 'region=a b' --restart",
  ],
] as const)("a failure's notice names the command that helps after %s", (code, kind, runId, remedy) => {
  const { observer, notices } = watching(null);
  const error = { kind, code, message: "", retryable: false, details: {} };
  observer.ended?.(end("failed", { error, runId, vars: { region: "a b" } }));
  expect(notices).toMatchObject([{ event: "failed", remedy }]);
});

test("a failure of an earlier process is recovered from, too", () => {
  const { observer, events } = watching("failed");
  observer.ended?.(end("published"));
  expect(events()).toEqual(["recovered"]);
});

test("what was refused to a person is no failure of the job; to a schedule it is", () => {
  const { observer, events } = watching("published");
  const error: RunEnd["error"] = {
    ...{ kind: "spec", code: "refused.other-fingerprint", message: "", retryable: false, details: {} },
  };
  observer.ended?.(end("failed", { trigger: "cli", error }));
  observer.ended?.(end("published"));
  expect(events()).toEqual([]);
  observer.ended?.(end("failed", { error }));
  expect(events()).toEqual(["failed"]);
});

test("a backfill says once that it fails, however many intervals do", () => {
  const { observer, events } = watching("published");
  for (let day = 0; day < 5; day++) observer.ended?.(end("failed", { trigger: "backfill" }));
  expect(events()).toEqual(["failed"]);
});

const due: Due = { interval, deadline: new Date("2026-01-16T02:45:00Z"), target: "/data/out" };
const started = runEvent({
  ...{ type: "run.started", job: "flights", trigger: "schedule", interval, resumed: false },
});
const left = (secondsLeft: number | null) => ({ ...progress(1000), secondsLeft }) as RunEvent;
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("a run that will miss its deadline is reported once, as soon as its progress is reliable", async () => {
  const { observer, notices, pass } = watching(null, due);
  observer.on(started);
  observer.on(left(7200));
  pass(29_000);
  observer.on(left(7200));
  await settled();
  expect(notices).toEqual([]);
  pass(1_000);
  observer.on(left(7200));
  observer.on(left(7200));
  await settled();
  expect(notices).toMatchObject([
    { event: "late", deadline: "2026-01-16T02:45:00.000Z", expectedAt: "2026-01-16T04:15:30.000Z" },
  ]);
});

test("one that will make it is not", async () => {
  const { observer, notices, pass, timers } = watching(null, due);
  observer.on(started);
  observer.on(left(7200));
  pass(60_000);
  observer.on(left(600));
  observer.on(left(null));
  observer.ended?.(end("published"));
  await settled();
  expect(notices).toEqual([]);
  expect(timers).toMatchObject([{ ms: 30 * 60_000, isOn: false }]);
});

test("a run that passes its deadline is late by then, if no notice said so before", async () => {
  const { observer, notices, timers } = watching(null, due);
  observer.on(started);
  timers[0]?.work();
  await settled();
  expect(notices).toMatchObject([{ event: "late", expectedAt: null, runId: "r1" }]);
  observer.ended?.(end("cancelled"));
  observer.on(started);
  timers[1]?.work();
  await settled();
  expect(notices).toHaveLength(1);
});

test("a run of another interval has no deadline", () => {
  const { observer, timers } = watching(null, due);
  const before = { ...interval, start: "2026-01-14T00:00:00Z" };
  observer.on({ ...started, interval: before } as RunEvent);
  expect(timers).toEqual([]);
});
