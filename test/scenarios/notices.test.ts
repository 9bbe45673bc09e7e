/** Notices of real runs: failed, recovered and late, over processes; and receivers that never let a run down. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { apiClient } from "../support/api-client.js";
import { urlOf } from "../support/api-project.js";
import { type DailyProject, dailyProject } from "../support/daily-project.js";
import { crashing, flightProject, holding, writeFlights } from "../support/flight-project.js";
import { httpReceiver, type Receiver } from "../support/http-receiver.js";
import { startNightshift } from "../support/nightshift.js";
import { clockAt, followedHereSince, serveIn, stop, together } from "../support/served.js";

const day = "2025-01-02";
// biome-ignore lint/suspicious/noTemplateCurlyInString: it is expanded by the spec
const webhook = 'webhook: "${HOOK}"';
let project: DailyProject;
let receiver: Receiver;
beforeEach(async () => {
  project = dailyProject("2025-01-01", 3);
  receiver = await httpReceiver();
});
afterEach(async () => {
  project.remove();
  await receiver.close();
});

const command = (...argv: readonly string[]) =>
  startNightshift(project.cwd, argv, { env: { HOOK: `${receiver.url}/SECRET` } }).finished;
const told = () => receiver.received.map(({ body }) => JSON.parse(body));

test("a run that fails sends a notice, and its retry sends the recovery; nothing else is sent", async () => {
  project.writeSpec({ more: [`notify: { ${webhook} }`] });
  const input = project.inputPath(day);
  const good = readFileSync(input);
  // A null that the mapping refuses: the run begins, and fails.
  writeFlights(input, { first: 0, rows: project.rowsADay, hour: (key) => (key === 3 ? null : 7n) });
  const failed = await command("run", "daily", "--at", day);
  expect(failed.status).toBe(1);
  expect(told()).toMatchObject([
    { version: 1, event: "failed", job: "daily", interval: { ds: day }, trigger: "cli", target: project.out },
  ]);
  const [{ runId, remedy, error }] = told();
  expect(runId).not.toBeNull();
  expect(error.message).toContain(input);

  writeFileSync(input, good);
  const [program, ...words] = remedy.split(" ");
  expect([program, words.at(-1)]).toEqual(["nightshift", "--restart"]);
  expect((await command(...words)).status).toBe(0);
  expect((await command("run", "daily", "--at", day)).status).toBe(0);
  expect((await command("run", "daily", "--at", "2025-01-03")).status).toBe(0);
  expect(told().map(({ event, rows }) => [event, rows])).toEqual([
    ["failed", null],
    ["recovered", project.rowsADay],
  ]);
});

test("nightshift.yaml speaks for all jobs, a job for itself, and an empty variable turns notices off", async () => {
  writeFileSync(join(project.cwd, "nightshift.yaml"), `notify: { ${webhook}, events: [failed] }\n`);
  rmSync(project.inputPath(day));
  expect((await command("run", "daily", "--at", day)).status).toBe(2);
  expect(told()).toMatchObject([
    { event: "failed", runId: null, remedy: `nightshift run daily --at ${day}` },
  ]);
  project.writeSpec({ more: [`notify: { ${webhook}, events: [late] }`] });
  expect((await command("run", "daily", "--at", day)).status).toBe(2);
  expect(told()).toHaveLength(1);
  project.writeSpec({ more: [`notify: { slack: "\${NOT_SET:-}" }`] });
  expect((await command("run", "daily", "--at", day)).status).toBe(2);
  expect(told()).toHaveLength(1);
});

test("a receiver that is gone costs a run nothing but a line, and that without the URL", async () => {
  project.writeSpec({ more: [`notify: { ${webhook} }`] });
  rmSync(project.inputPath(day));
  receiver.answer(404);
  const refused = await command("run", "daily", "--at", day);
  expect(refused.status).toBe(2);
  expect(refused.stderr).toMatch(
    /warning: the webhook at 127\.0\.0\.1:\d+ did not receive the notice that daily failed: it answered 404/,
  );
  expect(refused.stderr + refused.stdout).not.toContain("SECRET");
});

test("a night whose input is missing fails, and the next one has recovered, by another process", async () => {
  project.writeSpec({ more: ['schedule: { cron: "15 2 * * *" }', `notify: { ${webhook} }`] });
  rmSync(project.inputPath("2025-01-02"));
  await followedHereSince(new Date("2025-01-03T02:00:00Z"), "daily", "15 2 * * * UTC", project.cwd);
  const night = async (at: string): Promise<void> => {
    const served = serveIn(project.cwd, { ...clockAt(at), HOOK: receiver.url });
    await served.until("tick.ended");
    expect(await stop(served)).toBe(0);
  };
  await night("2025-01-03T02:15:01");
  await night("2025-01-04T02:15:01");
  expect(told().map(({ event, interval, trigger }) => [event, interval?.ds, trigger])).toEqual([
    ["failed", "2025-01-02", "schedule"],
    ["recovered", "2025-01-03", "schedule"],
  ]);
});

test("what was published in time and is scored again past the deadline is not late", async () => {
  expect((await command("run", "daily", "--at", day)).status).toBe(0);
  project.writeSpec({ more: [`notify: { ${webhook}, deadline: 2h }`] });
  const held = holding(project.cwd, { role: "thread", path: `dt=${day}`, nth: 1 });
  const env = together(clockAt("2025-01-03T12:00:00", { HOOK: receiver.url }), held.env);
  const served = serveIn(project.cwd, env, "--listen", "127.0.0.1:0");
  const api = await apiClient(await urlOf(served));
  const { body } = await api.post("/v1/jobs/daily/runs", { at: day, reprocess: true });
  await held.reached();
  held.letGo();
  expect(await served.until("run.ended", ({ run }) => run === body.run)).toMatchObject({
    status: "published",
  });
  expect(await stop(served)).toBe(0);
  expect(told()).toEqual([]);
});

test("a retry notifies the receivers that the run's spec names by now; the secret is in no file and on no screen", async () => {
  const flights = flightProject({ files: 2, rowsAFile: 20 });
  const spec = join(flights.cwd, "jobs/flights.yaml");
  const written = readFileSync(spec, "utf8");
  try {
    const crash = crashing({ role: "thread", path: flights.inputPath(1), nth: 1 });
    expect(flights.nightshiftWith(crash, "run", "flights").status).toBe(1);
    writeFileSync(spec, `${written}notify: { ${webhook} }\n`);
    const env = { HOOK: `${receiver.url}/SECRET` };
    const retried = await startNightshift(flights.cwd, ["retry", "-v"], { env }).finished;
    expect(retried.status).toBe(0);
    expect(told()).toMatchObject([{ event: "recovered", job: "flights", rows: 40 }]);
    expect(retried.stderr).not.toContain("SECRET");
  } finally {
    flights.remove();
  }
});

test("a run that begins after its deadline is late, and is published all the same", async () => {
  project.writeSpec({ more: [`notify: { ${webhook}, deadline: 1h }`] });
  const env = { ...clockAt("2025-01-03T02:15:00"), HOOK: receiver.url };
  for (const more of [[], ["--reprocess"]]) {
    const run = startNightshift(project.cwd, ["run", "daily", ...more], { env });
    expect((await run.finished).status).toBe(0);
  }
  expect(told()).toMatchObject([
    { event: "late", interval: { ds: day }, deadline: "2025-01-03T01:00:00.000Z", expectedAt: null },
  ]);
  expect(told()[0].runId).toMatch(/^daily-2025-01-02-/);
});
