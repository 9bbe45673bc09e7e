/** A job with daily intervals over hive directories, from its first night on. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Float64, Int64, Utf8, vectorFromArray } from "apache-arrow";
import { afterAll, beforeAll, expect, test } from "vitest";
import { dailyProject } from "../support/daily-project.js";
import { type Finished, nightshift } from "../support/nightshift.js";
import { writeParquet } from "../support/parquet-rows.js";
import { countRows } from "../support/published-rows.js";
import { scratch } from "../support/scratch.js";

const repository = fileURLToPath(new URL("../../", import.meta.url));
const monday = "2001-06-11";
const tuesday = "2001-06-12";
const wednesday = "2001-06-13";
/** Rows of each day in the fixtures. */
const flights = { [monday]: 17_141, [tuesday]: 16_927, [wednesday]: 16_991 };
let cwd: string;
let spec: string;

beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "nightshift-intervals-"));
  cpSync(join(repository, "fixtures/flights"), join(cwd, "fixtures/flights"), { recursive: true });
  symlinkSync(join(repository, "fixtures/models"), join(cwd, "fixtures/models"));
  mkdirSync(join(cwd, "jobs"));
  spec = join(cwd, "jobs/flight-delay.yaml");
  cpSync(join(repository, "jobs/flight-delay.yaml"), spec);
});

afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const run = (at: string, ...more: readonly string[]): Finished =>
  nightshift(cwd, "run", "flight-delay", "--at", at, ...more);
const plan = (at: string): string => nightshift(cwd, "plan", "flight-delay", "--at", at).stdout;

/** Rows by day, as a reader of the output's directories sees them. */
async function published(): Promise<{ readonly [day: string]: number }> {
  const out = join(cwd, "out/flight-delay");
  const days: { [day: string]: number } = {};
  for (const name of readdirSync(`${out}/`, { recursive: true, encoding: "utf8" }).filter((one) =>
    one.endsWith(".parquet"),
  )) {
    const day = /^dt=([^/]+)\//.exec(name)?.[1] ?? "no day";
    days[day] = (days[day] ?? 0) + (await countRows(join(out, name)));
  }
  return days;
}

test("an interval is published once; another one is added to it", async () => {
  expect(plan(tuesday)).toContain(`flight-delay for ${tuesday}: would run`);
  expect(run(tuesday)).toMatchObject({ status: 0, stderr: expect.stringContaining("16,927 predicted") });
  expect(run(`${tuesday}T13:45:00Z`)).toMatchObject({
    status: 0,
    stderr: expect.stringContaining("already published"),
  });
  expect(plan(tuesday)).toMatch(
    /flight-delay for 2001-06-12: would be skipped, already published .* as publication 1 /,
  );
  expect(run(wednesday).status).toBe(0);
  expect(await published()).toEqual({ [tuesday]: flights[tuesday], [wednesday]: flights[wednesday] });
});

test("a rollback hides the newest publication, and what it held counts as unpublished", async () => {
  expect(nightshift(cwd, "rollback", "flight-delay").status).toBe(0);
  expect(await published()).toEqual({ [tuesday]: flights[tuesday] });
  expect(plan(wednesday)).toContain(`flight-delay for ${wednesday}: would run`);
  expect(run(wednesday)).toMatchObject({
    status: 0,
    stderr: expect.stringContaining("published to out/flight-delay/ (publication 4)"),
  });
  expect(await published()).toEqual({ [tuesday]: flights[tuesday], [wednesday]: flights[wednesday] });
});

test("a changed spec is reported, and --reprocess replaces that interval alone, until it is rolled back", async () => {
  const before = readFileSync(spec, "utf8");
  writeFileSync(spec, before.replace("passthrough: [date, destination]", "passthrough: [date]"));
  const warned = run(tuesday);
  expect(warned).toMatchObject({ status: 0, stdout: "" });
  expect(warned.stderr).toContain(
    "warning: What was published came from another spec, model or input than there is now.",
  );
  expect(warned.stderr).toContain("--reprocess");
  expect(plan(tuesday)).toContain("from another spec, model or input than the ones here now");
  expect(run(tuesday, "--reprocess").status).toBe(0);
  expect(await published()).toEqual({ [tuesday]: flights[tuesday], [wednesday]: flights[wednesday] });
  writeFileSync(spec, before);
  expect(nightshift(cwd, "rollback", "flight-delay").status).toBe(0);
  expect(run(tuesday)).toMatchObject({ status: 0, stderr: expect.not.stringContaining("warning:") });
});

test("what there is no interval or no input for is refused with what to do", () => {
  expect(run("2001-06-10")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("is before the first interval, which starts on 2001-06-11 (UTC)"),
  });
  expect(run("yesterday")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("is not a date or time in UTC"),
  });
  const missing = run("2001-06-20");
  expect(missing.status).toBe(2);
  expect(missing.stderr).toContain("dt=2001-06-20");
  expect(missing.stderr).toContain("hint:");
});

test("an unfinished interval whose spec changed is refused until it is finished or dropped", async () => {
  const before = readFileSync(spec, "utf8");
  writeFileSync(spec, before.replace("p_late", "p_before"));
  // A plan whose files have changed fails once it runs.
  const plans = nightshift(cwd, "plan", "flight-delay", "--at", monday, "--out", "monday.json");
  expect(plans.status).toBe(0);
  const input = join(cwd, `fixtures/flights/dt=${monday}/flights.parquet`);
  const bytes = readFileSync(input);
  rmSync(input);
  writeFileSync(input, bytes);
  expect(nightshift(cwd, "run", "monday.json").status).toBe(1);
  writeFileSync(spec, before);
  const refused = run(monday);
  expect(refused).toMatchObject({ status: 2, stdout: "" });
  expect(refused.stderr).toContain(
    "is unfinished, and its spec, model or input has changed since it was planned",
  );
  expect(refused.stderr).toMatch(
    /hint: Finish it as it was planned with nightshift retry \S+, or drop it .* --restart\./,
  );
  expect(plan(monday)).toContain("would be refused");
  expect(run(monday, "--restart").status).toBe(0);
  expect(await published()).toEqual(flights);
});

test("validate names the interval that has no rows, and how another one is looked at", async () => {
  const project = dailyProject("2025-03-01", 2, { place: scratch() });
  const [first = "", second = ""] = project.days;
  const none = { flight_id: vectorFromArray([], new Int64()), distance: vectorFromArray([], new Float64()) };
  const empty = await writeParquet({
    ...none,
    hour: vectorFromArray([], new Int64()),
    origin: vectorFromArray([], new Utf8()),
    destination: vectorFromArray([], new Utf8()),
  });
  const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  for (const day of [second, yesterday, new Date().toISOString().slice(0, 10)]) {
    mkdirSync(dirname(project.inputPath(day)), { recursive: true });
    writeFileSync(project.inputPath(day), empty);
  }
  const asked = nightshift(project.cwd, "validate", "daily", "--at", second, "--json");
  expect(asked.status).toBe(1);
  const [job] = JSON.parse(asked.stdout).jobs;
  expect(job).toMatchObject({ result: "invalid", error: { code: "source.empty", details: { ds: second } } });
  expect(job.error.hint).toContain("--at");
  const latest = nightshift(project.cwd, "validate", "daily");
  expect({ status: latest.status, stderr: latest.stderr }).toEqual({ status: 0, stderr: "" });
  expect(latest.stdout).toContain(yesterday);
  expect(latest.stdout).toContain("--at");
  expect(nightshift(project.cwd, "validate", "daily", "--at", first).status).toBe(0);
});
