/** Ctrl-C and SIGTERM: once stops between chunks, twice stops at once, and nothing is lost either way. */
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  type FlightProject,
  flightProject,
  type Held,
  holding,
  keysBelow,
  keysIn,
} from "../support/flight-project.js";
import { jsonLinesOf, type Running, said } from "../support/nightshift.js";

let project: FlightProject;

beforeEach(() => {
  project = flightProject({ files: 4 });
});

afterEach(() => project.remove());

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("%s once: stops between chunks with %i and says how to go on", async (signal, code) => {
  const { held, run } = await runUntil({ role: "thread", path: "input/02", nth: 1 });
  run.child.kill(signal);
  await said(run, "finishing the current chunk; interrupt again to stop now");
  held.letGo();
  const stopped = await run.finished;
  expect(stopped).toMatchObject({ status: code, stdout: "" });
  const kept = Number(
    /interrupted: (\d+) rows are scored and kept; nothing was published\n/.exec(stopped.stderr)?.[1],
  );
  // Two files are done; the third, which was let go, may be before the thread sees it.
  expect([100, 150]).toContain(kept);
  expect(stopped.stderr).toMatch(/next {2}.* retry flights-\S+\n/);
  await expectTheRestToBeDone(200 - kept);
});

test("SIGINT twice: stops at once although a thread is stuck, and leaves no process behind", async () => {
  const { run } = await runUntil({ role: "thread", path: "input/01", nth: 1 });
  const host = childOf(run);
  run.child.kill("SIGINT");
  await said(run, "finishing the current chunk; interrupt again to stop now");
  run.child.kill("SIGINT");
  const stopped = await run.finished;
  expect(stopped).toMatchObject({ status: 130, stdout: "" });
  await gone(host);
  await expectTheRestToBeDone(150);
});

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("%s while it plans: %i, and there is nothing to go on from", async (signal, code) => {
  const { held, run } = await runUntil({ role: "host", path: "input/02", nth: 1 });
  run.child.kill(signal);
  await said(run, "finishing the current chunk");
  held.letGo();
  const stopped = await run.finished;
  expect(stopped).toMatchObject({ status: code, stdout: "" });
  expect(stopped.stderr.endsWith("interrupted: nothing was changed\n")).toBe(true);
  expect(project.nightshift("ls", "runs", "--json").stdout).toBe("[]\n");
});

async function runUntil(
  fault: Parameters<typeof holding>[1],
): Promise<{ readonly held: Held; readonly run: Running }> {
  const held = holding(project.cwd, fault);
  const run = project.start(["run", "flights"], { env: held.env });
  await held.reached();
  return { held, run };
}

function childOf({ child }: Running): number {
  return Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim().split(" ")[0]);
}

/** Resolves when the process has ended; else the test runs into its time limit. */
async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      if (/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"))) return;
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function expectTheRestToBeDone(rows: number): Promise<void> {
  expect(project.nightshift("status").stdout).toContain("interrupted");
  const retried = project.nightshift("retry", "--json");
  expect(retried.status).toBe(0);
  expect(jsonLinesOf(retried).at(-1)).toMatchObject({ status: "published", rowsScored: rows });
  expect(await keysIn(project.out)).toEqual(keysBelow(project.rows));
}
