/** Several processes that want the same thing at once: one gets it, the others report it, and every row is there once. */
import { afterEach, expect, test } from "vitest";
import {
  type FlightProject,
  flightModel,
  flightProject,
  holding,
  keysBelow,
  keysIn,
} from "../support/flight-project.js";
import { type Finished, said } from "../support/nightshift.js";

let project: FlightProject;

afterEach(() => project.remove());

test("while a run is worked on, run, retry and --restart of it are refused; then it is already published", async () => {
  project = flightProject({ files: 3 });
  const held = holding(project.cwd, { role: "thread", path: "input/01", nth: 1 });
  const owner = project.start(["run", "flights"], { env: held.env });
  await held.reached();
  for (const argv of [["run", "flights"], ["retry"], ["run", "flights", "--restart"]]) {
    const other = project.nightshift(...argv);
    expect(other).toMatchObject({ status: 2, stdout: "" });
    expect(other.stderr).toMatch(/error: run flights-\S+ is owned by process \d+\n/);
    expect(other.stderr).toContain("stop it with nightshift cancel flights-");
  }
  expect(JSON.parse(project.nightshift("status", "--json").stdout)).toMatchObject({
    status: "running",
    shown: "running",
    owner: { pid: owner.child.pid },
  });
  held.letGo();
  expect(await owner.finished).toMatchObject({ status: 0 });
  expect(project.nightshift("run", "flights")).toMatchObject({
    status: 0,
    stderr: expect.stringContaining("already published"),
  });
  expect(await keysIn(project.out)).toEqual(keysBelow(project.rows));
});

test("the same command three times at the same moment: one run, one publication", async () => {
  project = flightProject({ files: 3 });
  const all = await Promise.all([1, 2, 3].map(() => project.start(["run", "flights"]).finished));
  const published = all.filter(({ stderr }) => stderr.includes("published to out/ (publication 1)"));
  expect(published).toHaveLength(1);
  expect(published[0]?.status).toBe(0);
  for (const one of all)
    if (one !== published[0] && !refusedOrTooLate(one)) throw new Error(JSON.stringify(one));
  expect(JSON.parse(project.nightshift("ls", "runs", "--json").stdout)).toHaveLength(1);
  expect(await keysIn(project.out)).toEqual(keysBelow(project.rows));
});

function refusedOrTooLate({ status, stderr }: Finished): boolean {
  if (status === 0) return stderr.includes("already published");
  return status === 2 && /is owned by process|has just started/.test(stderr);
}

test("two scores with other inputs onto one output: the first to publish has it, the other is refused", async () => {
  project = flightProject({ files: 2 });
  const score = (input: string) => ["score", flightModel, input, "-o", "one/", "--key", "flight_id"];
  const held = holding(project.cwd, { role: "thread", path: "input/00", nth: 1 });
  const slow = project.start(score("input/00.parquet"), { env: held.env });
  await held.reached();
  expect(project.nightshift(...score("input/01.parquet"))).toMatchObject({ status: 0 });
  held.letGo();
  const late = await slow.finished;
  expect(late).toMatchObject({ status: 2, stdout: "" });
  expect(late.stderr).toContain(`error: ${project.cwd}/one: the output contains publication 1`);
  expect(late.stderr).toContain("hint: Pass --overwrite to `score`");
  const second = keysBelow(100).slice(50);
  expect(await keysIn(`${project.cwd}/one`)).toEqual(second);

  const overwritten = project.nightshift(...score("input/00.parquet"), "--overwrite");
  expect(overwritten).toMatchObject({ status: 0 });
  expect(await keysIn(`${project.cwd}/one`)).toEqual(keysBelow(50));
});

test("with --wait a run waits for the process that works on it, and finds it published; Ctrl-C ends the wait", async () => {
  project = flightProject({ files: 3 });
  const held = holding(project.cwd, { role: "thread", path: "input/01", nth: 1 });
  const owner = project.start(["run", "flights"], { env: held.env });
  await held.reached();
  const waiting = project.start(["run", "flights", "--wait"]);
  const leaving = project.start(["run", "flights", "--wait"]);
  await Promise.all([waiting, leaving].map((run) => said(run, "waiting for it")));
  leaving.child.kill("SIGINT");
  expect(await leaving.finished).toMatchObject({ status: 130 });
  held.letGo();
  expect(await owner.finished).toMatchObject({ status: 0 });
  const told = await waiting.finished;
  expect(told).toMatchObject({ status: 0 });
  expect(told.stderr).toContain("already published");
});
