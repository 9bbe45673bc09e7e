/** Which transition is legal in which state: the whole table, one line a state. */
import { describe, expect, test } from "vitest";
import type { Owner } from "../../src/job/run.js";
import { applyRecord, at, type RunFold, startFold, toRunState } from "../../src/ledgers/journal/fold.js";
import type { JournalRecord } from "../../src/ledgers/journal/records.js";
import * as transitions from "../../src/ledgers/journal/transitions.js";
import { aFailure, anError, aPlan, aReceipt, aRun } from "../support/runs.js";

const now = "2026-01-16T02:15:00.000Z";
const owner: Owner = { pid: 7, processStart: "1", bootId: "b", host: "h" };
const planFile = { file: "plan.1.ndjson", bytes: 10, sha256: "d", partitions: 1 };
const ref = { runId: "run", partition: 0, epoch: 1 };

function fold(...records: readonly JournalRecord[]): RunFold {
  const folded = startFold(aRun("run"));
  for (const record of records) applyRecord(folded, record);
  return folded;
}

const planned: JournalRecord = {
  type: "planned",
  at: now,
  plan: planFile,
  fingerprint: "f",
  totals: aPlan(1).totals,
  threads: 1,
  provider: "cpu",
  found: [],
  warnings: [],
};
const leased: JournalRecord = { type: "leased", at: now, partition: 0, epoch: 1 };
const started: JournalRecord = { type: "started", at: now, partition: 0, epoch: 1, attemptId: "a" };
const accepted: JournalRecord = { type: "accepted", at: now, receipt: aReceipt(ref, "a") };
const rows = aReceipt(ref, "a").rows;
const publishing: JournalRecord = { type: "publishing", at: now, rows };
const published: JournalRecord = { type: "published", at: now, publication: 3, rows };

const states: { readonly [state: string]: readonly JournalRecord[] } = {
  created: [],
  planned: [planned],
  leased: [planned, leased],
  running: [planned, leased, started],
  accepted: [planned, leased, started, accepted],
  publishing: [planned, leased, started, accepted, publishing],
  published: [planned, leased, started, accepted, publishing, published],
  failed: [planned, leased, started, { type: "failed", at: now, error: anError }],
  cancelled: [planned, leased, started, { type: "cancelled", at: now }],
  dropped: [planned, leased, started, { type: "dropped", at: now }],
};

type Attempted = (folded: RunFold) => JournalRecord | string;

const attempts: { readonly [name: string]: Attempted } = {
  claim: (folded) => transitions.claim(folded, owner, now),
  plan: (folded) => transitions.plan(folded, aPlan(1), planFile, now),
  lease: (folded) => transitions.lease(folded, 0, now),
  start: (folded) => transitions.start(folded, ref, "a", now),
  accept: (folded) => transitions.accept(folded, aReceipt(ref, "a"), now),
  failAttempt: (folded) => transitions.failAttempt(folded, ref, aFailure("a"), now),
  revive: (folded) => transitions.revive(folded, now),
  beginPublish: (folded) => transitions.beginPublish(folded, now),
  complete: (folded) => transitions.complete(folded, 3, now),
  fail: (folded) => transitions.fail(folded, anError, now),
  cancel: (folded) => transitions.cancel(folded, now),
  drop: (folded) => transitions.drop(folded, now),
};

/** A record's type, what the guard answered in quotes, or `-` for a refusal. */
function outcome(attempt: Attempted, folded: RunFold): string {
  try {
    const answered = attempt(folded);
    return typeof answered === "string" ? `"${answered}"` : answered.type;
  } catch (error) {
    expect(error).toMatchObject({
      kind: "spec",
      code: expect.stringMatching(/^refused\.(transition|run-ended)$/),
    });
    return "-";
  }
}

test("every transition in every state", () => {
  const table = Object.fromEntries(
    Object.entries(states).map(([state, records]) => [
      state,
      Object.values(attempts).map((attempt) => outcome(attempt, fold(...records))),
    ]),
  );
  const no = "-";
  const fenced = '"fenced"';
  expect(Object.keys(attempts).join(" ")).toBe(
    "claim plan lease start accept failAttempt revive beginPublish complete fail cancel drop",
  );
  expect(table).toEqual({
    created: [
      "claimed",
      "planned",
      no,
      fenced,
      "fenced",
      fenced,
      no,
      no,
      no,
      "failed",
      "cancelled",
      "dropped",
    ],
    planned: [
      "claimed",
      no,
      "leased",
      fenced,
      "fenced",
      fenced,
      "revived",
      no,
      no,
      "failed",
      "cancelled",
      "dropped",
    ],
    leased: [
      "claimed",
      no,
      no,
      "started",
      "fenced",
      "attempt-failed",
      "revived",
      no,
      no,
      "failed",
      "cancelled",
      "dropped",
    ],
    running: [
      "claimed",
      no,
      no,
      fenced,
      "accepted",
      "attempt-failed",
      "revived",
      no,
      no,
      "failed",
      "cancelled",
      "dropped",
    ],
    accepted: [
      "claimed",
      no,
      no,
      fenced,
      '"accepted"',
      fenced,
      "revived",
      "publishing",
      no,
      "failed",
      "cancelled",
      "dropped",
    ],
    publishing: [
      "claimed",
      no,
      no,
      fenced,
      '"accepted"',
      fenced,
      no,
      '"publishing"',
      "published",
      "failed",
      "cancelled",
      no,
    ],
    published: [no, no, no, fenced, '"accepted"', fenced, no, no, '"published"', no, no, no],
    failed: ["claimed", no, no, fenced, "fenced", fenced, no, no, no, no, no, "dropped"],
    cancelled: ["claimed", no, no, fenced, "fenced", fenced, no, no, no, no, no, "dropped"],
    dropped: [no, no, no, fenced, "fenced", fenced, no, no, no, no, no, no],
  });
});

describe("the fold", () => {
  const adopted: JournalRecord = { type: "adopted", at: now, previous: null };

  test("a new owner finds no partition running, and the epochs where they were", () => {
    for (const state of ["leased", "running"]) {
      const folded = fold(...(states[state] ?? []), adopted);
      expect(at(folded, 0)).toMatchObject({ status: "pending", epoch: 1, attemptId: null });
      expect(transitions.lease(folded, 0, now).epoch).toBe(2);
    }
  });

  test("a new owner leaves alone what is accepted or being published", () => {
    for (const state of ["accepted", "publishing"]) {
      const before = fold(...(states[state] ?? []));
      expect(fold(...(states[state] ?? []), adopted)).toEqual(before);
    }
  });

  test("a failed run is open again: running if anything was ever leased, planned or created otherwise", () => {
    const failed: JournalRecord = { type: "failed", at: now, error: anError };
    expect(fold(failed, adopted)).toMatchObject({ status: "created", error: null });
    expect(fold(planned, failed, adopted)).toMatchObject({ status: "planned", error: null });
    expect(fold(planned, leased, failed, adopted)).toMatchObject({ status: "running", error: null });
    expect(fold({ type: "dropped", at: now }, adopted).status).toBe("dropped");
  });

  test("depends on the order of records and not on their times", () => {
    const records = states.published ?? [];
    const backwards = records.map((record, index) => ({
      ...record,
      at: new Date(Date.UTC(2026, 0, 1) - index * 1000).toISOString(),
    }));
    const [a, b] = [records, backwards].map((one) => ({ ...toRunState(fold(...one)), updatedAt: "" }));
    expect(a).toEqual(b);
  });

  test("adds up what was accepted", () => {
    const two: JournalRecord = { ...planned, plan: { ...planFile, partitions: 2 } };
    const second = { runId: "run", partition: 1, epoch: 1 };
    const state = toRunState(
      fold(
        two,
        { type: "accepted", at: now, receipt: aReceipt(ref, "a", 3) },
        { type: "accepted", at: now, receipt: aReceipt(second, "b", 4) },
      ),
    );
    expect(state.accepted).toEqual({
      partitions: 2,
      rows: { read: 2000, predicted: 1993, quarantined: 7, filtered: 0 },
    });
    expect(state.reasons).toEqual({ null_value: 7 });
    expect(state.stats).toEqual({
      seconds: { read: 1, hook: 0, bind: 0.5, predict: 2, attach: 0.25, write: 1, stage: 0.5 },
      bytesRead: 8192,
      bytesWritten: 4096,
    });
  });
});
