/** A state directory that the previous version left in the middle of a night is read and continued. */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { scheduleStore } from "../../src/ledgers/journal/schedule-store.js";
import type { RecordedTick, TickEnd, TickProgress } from "../../src/ledgers/schedule-store.js";
import { localFileSystem } from "../../src/stores/local/local-file-system.js";
import { newUuid } from "../../src/wiring/system-clock.js";
import { journalProcesses } from "../support/journal-processes.js";

const sample = fileURLToPath(new URL("../../fixtures/journal-0.1/state", import.meta.url));
const published = "daily-2001-06-11-a18a1aaf-g1";
const interrupted = "daily-2001-06-12-92687b8e-g1";

let stateDir: string;
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), "nightshift-before-"));
  cpSync(sample, stateDir, { recursive: true });
});
afterEach(() => rmSync(stateDir, { recursive: true }));

const openStore = () =>
  scheduleStore({
    ...{ stateDir, fileSystem: localFileSystem(), uniqueName: newUuid, isAlive: () => "dead" as const },
  });

test("its runs are there, and the one that was cut short is claimed and worked on", async () => {
  const processes = journalProcesses(stateDir, localFileSystem());
  try {
    const { ledger, owner } = processes.start();
    const states: [string, string][] = [];
    for await (const { run, status } of ledger.listRuns({ jobName: "daily" })) states.push([run.id, status]);
    expect(states.sort()).toEqual([
      [published, "published"],
      [interrupted, "planned"],
    ]);
    expect(await ledger.readRun(published)).toMatchObject({ publication: 1 });
    expect(await ledger.countPartitions(published)).toMatchObject({ accepted: 3 });

    const claim = await ledger.claimRun(interrupted, owner, { takeOver: true });
    expect(await ledger.readPlan(interrupted)).toMatchObject({ job: { name: "daily" }, threads: 2 });
    const ref = await ledger.leasePartition(claim, 0);
    const { partition } = await ledger.loadTask(ref);
    expect(partition).toMatchObject({ index: 0 });
    expect(await ledger.startAttempt(ref, newUuid())).toBe("started");
    expect(await ledger.readPartition(interrupted, 0)).toMatchObject({ status: "running", epoch: ref.epoch });
  } finally {
    await processes.closeAll();
  }
});

test("its schedule is followed from where it was, and its open tick waits and ends", async () => {
  const at = "2001-06-13T02:15:00.000Z";
  const now = new Date("2001-06-13T08:00:00Z");
  const store = openStore();
  expect(await store.follow("daily", "15 2 * * * UTC", now)).toEqual({ cursor: new Date(at), paused: false });
  const [open, ...others] = await store.open("daily");
  expect(others).toEqual([]);
  expect(open).toMatchObject({ at, isHeld: false });
  expect(open?.progress ?? null).toBeNull();

  const progress: TickProgress = {
    ...{ status: "waiting", since: at, until: "2001-06-13T04:15:00.000Z", nextAt: at, attempts: [] },
    reason: { code: "source.not-found", message: "it is not there" },
  };
  await store.note("daily", at, progress);
  expect(await openStore().open("daily")).toMatchObject([{ at, progress }]);
  const end: TickEnd = { status: "published", runId: interrupted, error: null, at: now.toISOString() };
  await store.end("daily", at, end);
  expect(await openStore().open("daily")).toEqual([]);
  const ticks: RecordedTick[] = [];
  for await (const tick of openStore().ticks("daily")) ticks.push(tick);
  expect(ticks).toMatchObject([
    { at, end },
    { at: "2001-06-12T02:15:00.000Z", end: { status: "published", runId: published } },
  ]);
});
