/** A wall clock that is wrong or runs backwards: order comes from what was recorded, never from the time. */
import { afterEach, expect, test } from "vitest";
import {
  clockOff,
  type FlightProject,
  flightProject,
  holding,
  keysBelow,
  keysIn,
} from "../support/flight-project.js";
import { jsonLinesOf } from "../support/nightshift.js";

const dayMs = 86_400_000;
let project: FlightProject;

afterEach(() => project.remove());

test("a clock that goes back a day between a kill and its retry, and again before what follows", async () => {
  project = flightProject({ files: 4 });
  const held = holding(project.cwd, { role: "thread", path: "input/02", nth: 1 });
  const { child, finished } = project.start(["run", "flights"], { env: held.env });
  await held.reached();
  child.kill("SIGKILL");
  await finished;
  const retried = project.nightshiftWith(clockOff({ shiftMs: -dayMs }), "retry", "--json");
  expect(retried.status).toBe(0);
  expect(jsonLinesOf(retried).at(-1)).toMatchObject({ status: "published", rowsScored: 100 });
  expect(await keysIn(project.out)).toEqual(keysBelow(project.rows));

  const earlier = clockOff({ shiftMs: -2 * dayMs });
  expect(project.nightshiftWith(earlier, "run", "flights").stderr).toContain("already published");
  expect(project.nightshiftWith(earlier, "run", "flights", "--reprocess").status).toBe(0);
  const runs: readonly { readonly run: { readonly key: { readonly generation: number } } }[] = JSON.parse(
    project.nightshift("ls", "runs", "--json").stdout,
  );
  expect(runs.map(({ run }) => run.key.generation)).toEqual([2, 1]);
  expect(project.nightshift("status").stdout).not.toMatch(/-\d+(\.\d+)? ?(ms|s|m|h|d)\b/);
  const rolledBack = project.nightshiftWith(
    clockOff({ shiftMs: -3 * dayMs }),
    "rollback",
    "flights",
    "--json",
  );
  expect(JSON.parse(rolledBack.stdout)).toMatchObject({
    hiddenRunIds: [expect.stringMatching(/-g2$/)],
    visibleRunId: expect.stringMatching(/-g1$/),
  });
});

test("a clock that goes back a second at every look: no negative time, and nothing out of order", async () => {
  project = flightProject({ files: 4 });
  const finished = project.nightshiftWith(clockOff({ stepMs: -1000 }), "run", "flights", "--json");
  expect(finished.status).toBe(0);
  const lines = jsonLinesOf(finished);
  const outcome = lines.at(-1) as unknown as {
    readonly seconds: number;
    readonly stats: { readonly seconds: { readonly [step: string]: number } };
  };
  for (const seconds of [outcome.seconds, ...Object.values(outcome.stats.seconds)])
    expect(seconds).toBeGreaterThanOrEqual(0);
  expect(lines.at(0)?.type).toBe("run.started");
  expect(lines.filter(({ type }) => type === "partition.accepted")).toHaveLength(4);
  for (const { rowsPerSecond, secondsLeft } of lines.filter(({ type }) => type === "run.progress")) {
    expect(rowsPerSecond).toBeGreaterThanOrEqual(0);
    expect(secondsLeft ?? 0).toBeGreaterThanOrEqual(0);
  }
  expect(await keysIn(project.out)).toEqual(keysBelow(project.rows));
});
