/** Inputs that change or vanish after they were planned. */
import { appendFileSync, existsSync, renameSync, statSync, truncateSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import {
  type FlightProject,
  flightProject,
  holding,
  keysBelow,
  keysIn,
  writeFlights,
} from "../support/flight-project.js";
import { jsonLinesOf } from "../support/nightshift.js";

let project: FlightProject;

afterEach(() => project.remove());

test("a file that was written to, or is gone, between the plan and its run: refused by name, and put right", async () => {
  project = flightProject({ files: 3 });
  expect(project.nightshift("plan", "flights", "--out", "plan.json").status).toBe(0);
  const [first, second] = [project.inputPath(0), project.inputPath(1)];
  const { size, atime, mtime } = statSync(first);
  appendFileSync(first, "x");
  const written = project.nightshift("run", "plan.json");
  expect(written).toMatchObject({ status: 1, stdout: "" });
  expect(written.stderr).toContain(
    `error: ${first} changed after the run was planned: it had ${size} bytes and now has ${size + 1}\n`,
  );
  expect(written.stderr).toContain(
    "hint: Put the file back as it was and retry, or plan again with --restart.\n",
  );

  truncateSync(first, size);
  utimesSync(first, atime, mtime);
  renameSync(second, `${second}.away`);
  const touched = project.nightshift("run", "plan.json");
  expect(touched).toMatchObject({ status: 1, stdout: "" });
  expect(touched.stderr).toMatch(/error: .*\.parquet changed after the run was planned: /);
  expect(existsSync(project.out)).toBe(false);
});

test("a file that vanished comes back, and retry continues", async () => {
  project = flightProject({ files: 3 });
  const last = project.inputPath(2);
  expect(project.nightshift("plan", "flights", "--out", "plan.json").status).toBe(0);
  renameSync(last, `${last}.away`);
  const gone = project.nightshift("run", "plan.json");
  expect(gone).toMatchObject({ status: 1, stdout: "" });
  expect(gone.stderr).toContain(`error: ${last} changed after the run was planned: it was removed\n`);
  expect(existsSync(project.out)).toBe(false);
  expect(project.nightshift("errors").stdout).toContain(last);

  renameSync(`${last}.away`, last);
  const retried = project.nightshift("retry", "--json");
  expect(retried.status).toBe(0);
  expect(jsonLinesOf(retried).at(-1)).toMatchObject({
    status: "published",
    rowsScored: 50,
    rows: { read: 150 },
  });
  expect(await keysIn(project.out)).toEqual(keysBelow(project.rows));
});

test("a file that is replaced while the run reads: the run fails, and the next one takes the new file", async () => {
  project = flightProject({ files: 4 });
  const third = project.inputPath(2);
  const held = holding(project.cwd, { role: "thread", path: "input/02", nth: 1 });
  const { finished } = project.start(["run", "flights", "--json"], { env: held.env });
  await held.reached();
  const replacement = join(project.cwd, "replacement.parquet");
  writeFlights(replacement, { first: 1000, rows: 60 });
  renameSync(replacement, third);
  held.letGo();
  const failed = await finished;
  expect(failed.status).toBe(1);
  expect(jsonLinesOf(failed).at(-1)).toMatchObject({
    status: "failed",
    exitCode: 1,
    rows: { read: 100 },
    error: { kind: "data", code: "source.changed", details: { file: third } },
  });
  expect(existsSync(project.out)).toBe(false);

  // Other input is another run: the one before stays as it was, in case its file comes back.
  expect(project.nightshift("run", "flights").status).toBe(0);
  const keys = keysBelow(project.rows);
  expect(await keysIn(project.out)).toEqual([
    ...keys.slice(0, 100),
    ...keysBelow(60).map((key) => 1000 + key),
    ...keys.slice(150),
  ]);
});
