import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { jsonLinesOf, nightshift } from "../support/nightshift.js";

let cwd: string;

beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "nightshift-demo-"));
});

afterAll(() => rmSync(cwd, { recursive: true, force: true }));

test("the demo scores a week into its own folder, and what it suggests works there", () => {
  const { status, stdout, stderr } = nightshift(cwd, "demo");
  expect(status).toBe(0);
  expect(stdout).toMatch(/flight_id +date +destination +is_late +p_late/);
  expect(stderr).toContain("rows in  116,493 = 116,493 predicted + 0 quarantined + 0 filtered");
  expect(stderr).toContain("nightshift-demo/out/flight-delay/");

  const inside = join(cwd, "nightshift-demo");
  const commands = [...stderr.matchAll(/cli\.js (.+?) {2,}/g)].map((match) => match[1] ?? "");
  expect(commands.length).toBeGreaterThan(3);
  for (const command of commands.filter((line) => !line.startsWith("demo")))
    expect({ command, status: nightshift(inside, ...command.split(" ")).status }).toEqual({
      command,
      status: 0,
    });
});

test("the second time every night is published already, also from inside of the folder", () => {
  for (const directory of [cwd, join(cwd, "nightshift-demo")]) {
    const again = nightshift(directory, "demo", "--json");
    expect(again.status).toBe(0);
    const outcomes = jsonLinesOf(again).filter((line) => line.type === "run.outcome");
    expect(outcomes).toHaveLength(7);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ status: "already-published" });
  }
});

test("two nights of a service: late input heals by itself, a failure is notified and recovered; what it suggests works there", () => {
  const { status, stderr } = nightshift(cwd, "demo", "--nightly");
  expect(status).toBe(0);
  const told = stderr.split("\n").map((line) => line.replace(/, \d[\d.]* m?s$/, ""));
  const at = told.indexOf("2001-06-12 02:15  tick       flight-delay, the flights of 2001-06-11");
  expect(told.slice(at, at + 18)).toEqual([
    "2001-06-12 02:15  tick       flight-delay, the flights of 2001-06-11",
    "2001-06-12 02:15  waiting    fixtures/flights/dt=2001-06-11/*.parquet is not there; waits until 04:15",
    "2001-06-12 02:15  webhook    flight-delay is waiting for 2001-06-11, until 2001-06-12 04:15 UTC",
    "2001-06-12 02:45  input      the flights of 2001-06-11 arrive: fixtures/flights/dt=2001-06-11/",
    "2001-06-12 02:45  published  17,141 flights",
    "2001-06-12 02:45  webhook    flight-delay has recovered: published for 2001-06-11, 17,141 rows",
    "",
    "2001-06-13 02:15  tick       flight-delay, the flights of 2001-06-12",
    "2001-06-13 02:15  waiting    fixtures/flights/dt=2001-06-12/*.parquet is not there; waits until 04:15",
    "2001-06-13 02:15  webhook    flight-delay is waiting for 2001-06-12, until 2001-06-13 04:15 UTC",
    "2001-06-13 04:15  failed     fixtures/flights/dt=2001-06-12/*.parquet is not there",
    "2001-06-13 04:15  webhook    flight-delay failed for 2001-06-12",
    "2001-06-13 06:00  webhook    flight-delay is late for 2001-06-12: due 2001-06-13 06:00 UTC, not published yet",
    "",
    "2001-06-13 07:40  input      the flights of 2001-06-12 arrive: fixtures/flights/dt=2001-06-12/",
    "                  $ nightshift run flight-delay --at 2001-06-12",
    "2001-06-13 07:40  published  16,927 flights",
    "2001-06-13 07:40  webhook    flight-delay has recovered: published for 2001-06-12, 16,927 rows",
  ]);
  const inside = join(cwd, "nightshift-nightly");
  const commands = [...stderr.matchAll(/cli\.js (.+?) {2,}/g)].map((match) => match[1] ?? "");
  expect(commands.length).toBe(3);
  for (const command of commands)
    expect({ command, status: nightshift(inside, ...command.split(" ")).status }).toEqual({
      command,
      status: 0,
    });
  const ticks = JSON.parse(nightshift(inside, "ls", "ticks", "--json").stdout);
  expect(ticks.map(({ at, end }: { at: string; end: { status: string } }) => [at, end.status])).toEqual([
    ["2001-06-13T02:15:00.000Z", "failed"],
    ["2001-06-12T02:15:00.000Z", "published"],
  ]);
  expect(nightshift(cwd, "demo", "--nightly").stderr).toContain("Remove it to see them again");
});
