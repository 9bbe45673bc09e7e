/** Nightshift as a library: the compiled package as another program would import it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type * as Nightshift from "../../src/index.js";
import {
  type FlightProject,
  flightModel,
  flightProject,
  keysBelow,
  keysIn,
  writeFlights,
} from "../support/flight-project.js";

const { defineJob, exitCodeOf, NightshiftError, runJob }: typeof Nightshift = await import(
  new URL("../../dist/index.js", import.meta.url).href
);
let project: FlightProject;

beforeEach(() => {
  project = flightProject({ files: 4 });
});

afterEach(() => project.remove());

function job(more: Partial<Nightshift.JobSpecInput> = {}): Nightshift.Job {
  return defineJob(
    {
      version: 1,
      name: "scores",
      model: flightModel,
      input: { from: "input/*.parquet", key: ["flight_id"] },
      write: { to: "out", mode: "replace" },
      limits: { partition_rows: 50, threads: 1 },
      ...more,
    },
    { cwd: project.cwd },
  );
}

const stateDir = (): string => join(project.cwd, "state");

test("a run's events come in order, the outcome says what was published, and the same again has nothing to do", async () => {
  const run = runJob(job(), { stateDir: stateDir() });
  const types: string[] = [];
  for await (const { type } of run) if (type !== "run.progress") types.push(type);
  expect(types).toEqual([
    "run.started",
    "run.planned",
    ...Array(4).fill(["partition.started", "partition.accepted"]).flat(),
    "run.publishing",
    "run.published",
  ]);
  expect(await run.outcome).toMatchObject({
    status: "published",
    publication: 1,
    rows: { read: 200, predicted: 200, quarantined: 0, filtered: 0 },
    error: null,
  });
  expect(await keysIn(project.out)).toEqual(keysBelow(project.rows));

  const again = runJob(job(), { stateDir: stateDir() });
  expect((await again.outcome).status).toBe("already-published");
  // Events wait for a reader that comes late.
  const late: string[] = [];
  for await (const { type } of again) late.push(type);
  expect(late).toEqual(["run.already-published"]);
});

test("a signal stops between chunks, and the next runJob does the rest", async () => {
  const stop = new AbortController();
  const stopped = runJob(job(), { stateDir: stateDir(), signal: stop.signal });
  for await (const { type } of stopped) if (type === "partition.accepted") stop.abort();
  const { status, rows, error } = await stopped.outcome;
  expect({ status, code: error?.code }).toEqual({ status: "cancelled", code: "cancelled" });
  expect(rows.read).toBeGreaterThanOrEqual(50);
  expect(existsSync(project.out)).toBe(false);

  const resumed = runJob(job(), { stateDir: stateDir() });
  let scored = 0;
  for await (const event of resumed) {
    if (event.type === "run.started") expect(event.resumed).toBe(true);
    if (event.type === "partition.accepted") scored += event.rows.read;
  }
  expect(await resumed.outcome).toMatchObject({ status: "published", rows: { read: 200 } });
  expect(scored).toBe(200 - rows.read);
  expect(await keysIn(project.out)).toEqual(keysBelow(project.rows));
});

test("a run that fails resolves with its error, and continues once that is repaired", async () => {
  const last = project.inputPath(3);
  writeFlights(last, { first: 150, rows: 50, hour: (key) => (key === 170 ? null : 7n) });
  const failed = runJob(job(), { stateDir: stateDir() });
  const failures: unknown[] = [];
  for await (const event of failed) if (event.type === "run.failed") failures.push(event.error.code);
  const { status, error, rows } = await failed.outcome;
  expect(failures).toEqual(["data.row-failed"]);
  expect({ status, read: rows.read }).toEqual({ status: "failed", read: 150 });
  expect(error).toMatchObject({ kind: "data", message: expect.stringContaining(`${last}, row 20`) });
  expect(existsSync(project.out)).toBe(false);

  writeFlights(last, { first: 150, rows: 50 });
  expect((await runJob(job(), { stateDir: stateDir() }).outcome).status).toBe("published");
  expect(await keysIn(project.out)).toEqual(keysBelow(project.rows));
});

test("a run that cannot start rejects, and has no events", async () => {
  const none = runJob(job({ input: { from: "nothing/*.parquet" } }), { stateDir: stateDir() });
  const events: string[] = [];
  for await (const { type } of none) events.push(type);
  expect(events).toEqual([]);
  const error: unknown = await none.outcome.catch((thrown: unknown) => thrown);
  if (!(error instanceof NightshiftError)) throw new Error(`rejected with ${String(error)}`);
  expect(error).toMatchObject({ kind: "spec", code: "source.not-found", hint: expect.any(String) });
  expect(exitCodeOf(error)).toBe(2);
});

test("all mistakes in a job are reported by their places, before anything runs", () => {
  expect(() => job({ write: { to: "out", mode: "upsert" as "replace" } })).toThrow("write.mode: ");
  expect(() => defineJob({ version: 1 } as Nightshift.JobSpecInput, { cwd: project.cwd })).toThrow(
    /mistakes in the job:\n(.*\n)* {2}model: /,
  );
});
