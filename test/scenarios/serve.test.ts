/** `serve --embedded`: ticks that run by themselves, specs that change, and processes that die in between. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type DailyProject, dailyProject } from "../support/daily-project.js";
import { holding, keysIn } from "../support/flight-project.js";
import { nightshift, said } from "../support/nightshift.js";
import { clockAt, followedHereSince, type Served, serveIn, stop, together } from "../support/served.js";

const schedule = 'schedule: { cron: "15 2 * * *" }';
/** Scores 2025-01-02. */
const night = "2025-01-03T02:15:00";

let project: DailyProject;
beforeEach(async () => {
  project = dailyProject("2025-01-01", 3);
  project.writeSpec({ more: [schedule] });
  // As if a scheduler had been there before: a tick that comes due while this one starts is caught up with.
  for (const job of ["daily", "other"])
    await followedHereSince(new Date("2025-01-03T02:00:00Z"), job, "15 2 * * * UTC", project.cwd);
});
afterEach(() => project.remove());

const serve = (env: { readonly [name: string]: string }, ...more: readonly string[]): Served =>
  serveIn(project.cwd, env, ...more);

const runs = (): readonly { readonly run: { readonly id: string; readonly trigger: string } }[] =>
  JSON.parse(nightshift(project.cwd, "ls", "runs", "--json").stdout || "[]");
const ticks = (): readonly {
  readonly at: string;
  readonly verdict: string;
  readonly end: { readonly status: string } | null;
}[] => JSON.parse(nightshift(project.cwd, "ls", "ticks", "--json").stdout);
const keysOfDay = (index: number): readonly number[] =>
  Array.from({ length: project.rowsADay }, (_, row) => index * project.rowsADay + row);

test("a tick runs its job when it is due, for the interval that is over then; SIGTERM ends the service", async () => {
  const served = serve(clockAt("2025-01-03T02:14:57"));
  const ended = await served.until("tick.ended");
  expect(ended).toMatchObject({ job: "daily", at: `${night}.000Z`, end: { status: "published" } });
  expect(await stop(served)).toBe(0);
  expect((await served.finished).stderr).toContain(
    "stopping: nothing new is started; interrupt again to stop now",
  );
  expect(runs()).toMatchObject([{ run: { trigger: "schedule", interval: { ds: "2025-01-02" } } }]);
  expect(await keysIn(project.out)).toEqual(keysOfDay(1));
  expect(ticks()).toMatchObject([{ at: `${night}.000Z`, verdict: "fired", end: { status: "published" } }]);

  const listed = nightshift(project.cwd, "ls", "jobs", "--json").stdout;
  expect(JSON.parse(listed)[0]).toMatchObject({
    name: "daily",
    paused: false,
    last: expect.stringMatching(/^2025-01-03T02:15/),
  });
  expect(JSON.parse(listed)[0].next).toMatch(/T02:15:00.000Z$/);
  expect(JSON.parse(listed)[0].freshnessSeconds).toBeGreaterThan(0);
});

test("a job is as fresh as what readers have: what was taken back does not count", () => {
  const freshness = (): number =>
    JSON.parse(nightshift(project.cwd, "ls", "jobs", "--json").stdout)[0].freshnessSeconds;
  for (const day of ["2025-01-01", "2025-01-02"])
    expect(nightshift(project.cwd, "run", "daily", "--at", day).status).toBe(0);
  const before = freshness();
  expect(nightshift(project.cwd, "rollback", "daily").status).toBe(0);
  expect(Math.floor((freshness() - before) / 3600)).toBe(24);
});

test("of twins one fires the tick, and there is one run", async () => {
  const env = clockAt("2025-01-03T02:14:54");
  const twins = [serve(env), serve(env)];
  await Promise.race(twins.map((twin) => twin.until("tick.ended")));
  expect(await Promise.all(twins.map(stop))).toEqual([0, 0]);
  const fired = twins.flatMap(({ events }) => events.filter(({ type }) => type === "tick.decided"));
  expect(fired).toHaveLength(1);
  expect(runs()).toHaveLength(1);
});

test("a broken spec is reported and the last good one stays in use; corrected, it is loaded again", async () => {
  const good = readFileSync(project.spec, "utf8");
  const served = serve(clockAt("2025-01-03T02:14:48"));
  await served.until("spec.loaded");
  writeFileSync(project.spec, good.replace("model:", "modell:"));
  expect(await served.until("spec.broken")).toMatchObject({ kept: "daily", error: { code: "spec.invalid" } });
  expect(await served.until("tick.ended")).toMatchObject({ end: { status: "published" } });
  writeFileSync(project.spec, `${good}# corrected\n`);
  expect(await served.until("spec.changed")).toMatchObject({ job: "daily" });
  rmSync(project.spec);
  expect(await served.until("spec.removed")).toMatchObject({ job: "daily" });
  expect(await stop(served)).toBe(0);
});

test("what SIGTERM cuts short exits 143, and is finished by the next service", async () => {
  const held = holding(project.cwd, { role: "thread", path: "dt=2025-01-02", nth: 1 });
  const served = serve(together(clockAt("2025-01-03T02:14:57"), held.env), "--drain", "0");
  await held.reached();
  const stopped = stop(served);
  await said(served, "stopping");
  held.letGo();
  expect(await stopped).toBe(143);
  const again = serve(clockAt("2025-01-03T02:40:00"));
  expect(await again.until("tick.ended")).toMatchObject({ end: { status: "published" } });
  expect(await stop(again)).toBe(0);
  expect(runs()).toHaveLength(1);
  expect(await keysIn(project.out)).toEqual(keysOfDay(1));
});

test("an interval that it looks back on runs again when its input has changed", async () => {
  project.writeSpec({ interval: ", lookback: 1", more: [schedule] });
  for (const day of ["2025-01-01", "2025-01-02"])
    expect(nightshift(project.cwd, "run", "daily", "--at", day).status).toBe(0);
  project.writeDay("2025-01-01");
  const served = serve(clockAt("2025-01-03T02:14:57"));
  expect(await served.until("tick.ended")).toMatchObject({ end: { status: "already-published" } });
  expect(await stop(served)).toBe(0);
  const generations = runs().map(({ run }) => run.id.slice(6, 16) + run.id.slice(-3));
  expect(generations.sort()).toEqual(["2025-01-01-g1", "2025-01-01-g2", "2025-01-02-g1"]);
});

test("a paused job's tick is skipped; a failed run is a failed tick with its code", async () => {
  rmSync(project.inputPath("2025-01-02"));
  writeFileSync(
    join(project.cwd, "jobs/other.yaml"),
    readFileSync(project.spec, "utf8")
      .replace("name: daily", "name: other")
      .replace("../out", "../out-other"),
  );
  expect(nightshift(project.cwd, "pause", "other").stderr).toBe("other is paused\n");
  expect(nightshift(project.cwd, "ls", "jobs").stdout).toMatch(/other .* paused/);
  const served = serve(clockAt("2025-01-03T02:14:57"));
  expect(await served.until("tick.decided", ({ job }) => job === "other")).toMatchObject({
    tick: { verdict: "skipped", reason: "the job is paused" },
  });
  expect(await served.until("tick.ended", ({ job }) => job === "daily")).toMatchObject({
    end: { status: "failed", error: "source.not-found" },
  });
  expect(await stop(served)).toBe(0);
  expect(nightshift(project.cwd, "resume", "other").stderr).toBe("other runs again when it is due\n");
});

test("what cannot be served is refused", () => {
  expect(nightshift(project.cwd, "serve")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("nightshift serve --embedded"),
  });
  expect(nightshift(project.cwd, "serve", "--embedded", "--jobs", "nowhere").status).toBe(2);
  project.writeSpec();
  expect(nightshift(project.cwd, "pause", "daily")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("daily has no schedule"),
  });
});
