import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { followNightshift, jsonLinesOf, nightshift } from "../support/nightshift.js";

const repository = fileURLToPath(new URL("../../", import.meta.url));
const week = 116_493;
let cwd: string;

const everyDay = `version: 1
name: every-day
model: ../fixtures/models/flight-delay.onnx
input: { from: "../fixtures/flights/dt=*/*.parquet", key: [flight_id] }
features:
  float_input:
    stack: [distance, { column: date, part: hour }, { column: date, part: dow }]
  origin: { column: origin }
write: { to: ../out/every-day, mode: replace }
`;

beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "nightshift-jobs-"));
  symlinkSync(join(repository, "fixtures"), join(cwd, "fixtures"));
  mkdirSync(join(cwd, "jobs"));
  cpSync(join(repository, "jobs/flight-delay.yaml"), join(cwd, "jobs/flight-delay.yaml"));
  writeFileSync(join(cwd, "jobs/every-day.yaml"), everyDay);
});

afterAll(() => rmSync(cwd, { recursive: true, force: true }));

test("a run for one interval, then already published, then reprocessed, then rolled back", () => {
  const run = ["run", "flight-delay", "--at", "2001-06-12"];
  expect(nightshift(cwd, ...run)).toMatchObject({
    status: 0,
    stderr: expect.stringContaining("16,927 predicted"),
  });
  expect(nightshift(cwd, ...run)).toMatchObject({
    status: 0,
    stderr: expect.stringContaining("already published"),
  });
  const [before] = JSON.parse(nightshift(cwd, "files", "flight-delay", "--json").stdout).files;
  expect(nightshift(cwd, ...run, "--reprocess").status).toBe(0);
  expect(nightshift(cwd, "rollback", "flight-delay")).toMatchObject({ status: 0, stdout: "" });
  const [after] = JSON.parse(nightshift(cwd, "files", "out/flight-delay", "--json").stdout).files;
  expect(after.sha256).toBe(before.sha256);
  const shown = JSON.parse(nightshift(cwd, "ls", "runs", "--json").stdout).map(
    (run: { shown: string }) => run.shown,
  );
  expect(shown.slice(0, 2)).toEqual(["rolled back", "published"]);
});

test("plan says that a published interval would be skipped, and that another would run", () => {
  expect(nightshift(cwd, "plan", "flight-delay", "--at", "2001-06-13").stdout).toContain("would run");
  const planned = JSON.parse(nightshift(cwd, "plan", "flight-delay", "--at", "2001-06-13", "--json").stdout);
  expect(planned).toMatchObject({
    plan: { totals: { rows: 16_991, files: 1 } },
    standing: { published: null },
  });
});

test("a plan that was kept runs as it is, and takes no other interval", () => {
  expect(nightshift(cwd, "plan", "flight-delay", "--at", "2001-06-14", "--out", "plan.json").status).toBe(0);
  expect(nightshift(cwd, "run", "plan.json", "--at", "2001-06-15").status).toBe(2);
  expect(nightshift(cwd, "run", "plan.json")).toMatchObject({
    status: 0,
    stderr: expect.stringContaining("16,814"),
  });
  expect(nightshift(cwd, "plan", "flight-delay", "--at", "2001-06-14").stdout).toContain("would be skipped");
});

test("validate names every job, and shows mistakes where they are", () => {
  const valid = nightshift(cwd, "validate", "--at", "2001-06-11", "--json");
  expect(JSON.parse(valid.stdout).jobs).toMatchObject([
    { job: "every-day", result: "valid", totals: { rows: week } },
    { job: "flight-delay", result: "valid", totals: { rows: 17_141 } },
  ]);
  writeFileSync(join(cwd, "broken.yaml"), everyDay.replace("features:", "featurs:"));
  const broken = nightshift(cwd, "validate", "broken.yaml");
  expect(broken.status).toBe(2);
  expect(broken.stderr).toContain("broken.yaml:5:1");
  expect(broken.stderr).toContain("features");
});

test("Ctrl-C stops between chunks with 130, status calls it interrupted, and retry scores only the rest", async () => {
  let accepted = 0;
  const stopped = await followNightshift(cwd, ["run", "every-day", "--json"], (event, child) => {
    if (event.type !== "partition.accepted") return;
    accepted++;
    // A second one would end the process at once.
    if (accepted === 1) child.kill("SIGINT");
  });
  expect(stopped.status).toBe(130);
  expect(stopped.stderr).toContain("finishing the current chunk");
  expect(jsonLinesOf(stopped).at(-1)).toMatchObject({
    type: "run.outcome",
    status: "cancelled",
    exitCode: 130,
  });
  expect(nightshift(cwd, "status").stdout).toMatch(/cancelled|interrupted/);
  expect(nightshift(cwd, "files", "out/every-day").stdout).toBe("");

  const retried = nightshift(cwd, "retry", "--json");
  expect(retried.status).toBe(0);
  const outcome = jsonLinesOf(retried).at(-1) as unknown as { rowsScored: number; rows: { read: number } };
  expect(accepted).toBeGreaterThan(0);
  expect(outcome.rows.read).toBe(week);
  expect(outcome.rowsScored).toBeLessThan(week);
});

test("ls and status show runs and partitions, gc leaves what is live", () => {
  const runs = JSON.parse(nightshift(cwd, "ls", "runs", "--json").stdout);
  expect(runs.map((state: { status: string }) => state.status)).toEqual(Array(4).fill("published"));
  const partitions = JSON.parse(nightshift(cwd, "ls", "partitions", "--json").stdout);
  const rows = partitions.reduce((sum: number, partition: { rows: number }) => sum + partition.rows, 0);
  expect(rows).toBe(week);
  expect(nightshift(cwd, "status", "--json", "--watch")).toMatchObject({ status: 0 });
  const before = nightshift(cwd, "files", "every-day").stdout;
  expect(nightshift(cwd, "gc", "--json").status).toBe(0);
  expect(nightshift(cwd, "files", "every-day").stdout).toBe(before);
  expect(nightshift(cwd, "inspect", "out/every-day", "--full").stdout).toContain("116,493 rows");
});

test("doctor finds this machine able to run", () => {
  const { status, stdout } = nightshift(cwd, "doctor", "--json");
  const { healthy, findings } = JSON.parse(stdout);
  expect({ status, healthy }).toEqual({ status: 0, healthy: true });
  expect(findings.map((finding: { check: string }) => finding.check)).toEqual(
    expect.arrayContaining(["ONNX Runtime", "scoring", "state directory", "clock"]),
  );
});

test("rollback --last takes back as many as it says, or none", () => {
  const again = ["run", "flight-delay", "--at", "2001-06-12", "--reprocess"];
  for (const _ of [1, 2]) expect(nightshift(cwd, ...again).status).toBe(0);
  expect(nightshift(cwd, "rollback", "flight-delay", "--last", "4")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("publication 1 is the first one"),
  });
  const { status, stdout, stderr } = nightshift(cwd, "rollback", "flight-delay", "--last", "2");
  expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
  expect(stderr).toMatch(/-g1 published is visible again, runs .*-g4, .*-g3 are hidden/);
  expect(nightshift(cwd, "rollback", "flight-delay", "--last", "0").status).toBe(2);
});
