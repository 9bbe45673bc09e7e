/** What is refused before anything runs, and what must not end a run: each with its message and its exit code. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  type FlightProject,
  flightModel,
  flightProject,
  keysBelow,
  keysIn,
  writeFlights,
} from "../support/flight-project.js";
import { builtCli } from "../support/nightshift.js";

let project: FlightProject;
let score: readonly string[];

beforeEach(() => {
  project = flightProject({ files: 2 });
  score = ["score", flightModel, "input/*.parquet", "--key", "flight_id", "-o"];
});

afterEach(() => project.remove());

test("an output that another program made is never touched, with any flag", async () => {
  mkdirSync(join(project.cwd, "theirs"));
  writeFileSync(join(project.cwd, "theirs/data.csv"), "1,2\n");
  symlinkSync("theirs", join(project.cwd, "link"));
  for (const output of ["theirs/", "link/"]) {
    const refused = project.nightshift(...score, output);
    expect(refused).toMatchObject({ status: 2, stdout: "" });
    expect(refused.stderr).toMatch(/error: .*\/(theirs|link) exists already\n/);
    expect(refused.stderr).toContain(
      "hint: Choose another output, or move it away: Nightshift did not create it.",
    );
  }
  const forced = project.nightshift(...score, "theirs/", "--overwrite");
  expect(forced).toMatchObject({ status: 2, stdout: "" });
  expect(forced.stderr).toMatch(/error: .*\/theirs is a directory that Nightshift did not create\n/);
  expect(readdirSync(join(project.cwd, "theirs"))).toEqual(["data.csv"]);
  expect(project.nightshift("ls", "runs", "--json").stdout).toBe("[]\n");

  expect(project.nightshift(...score, "ours/").status).toBe(0);
  expect(await keysIn(join(project.cwd, "ours"))).toEqual(keysBelow(project.rows));
});

test("a file put into a published directory stops the next publication, not the reader", () => {
  const target = ["input/00.parquet", "--key", "flight_id", "-o", "ours/"];
  expect(project.nightshift("score", flightModel, ...target).status).toBe(0);
  writeFileSync(join(project.cwd, "ours/notes.txt"), "mine\n");
  const refused = project.nightshift("score", flightModel, ...target, "--overwrite");
  expect(refused).toMatchObject({ status: 2, stdout: "" });
  expect(refused.stderr).toContain(
    "contains notes.txt, which Nightshift did not create and which would be lost",
  );
  expect(readFileSync(join(project.cwd, "ours/notes.txt"), "utf8")).toBe("mine\n");
});

test("with NIGHTSHIFT_OUTPUT_ROOT a job's output outside of it is refused, also through a symlink", async () => {
  const root = join(project.cwd, "allowed");
  mkdirSync(root);
  symlinkSync("..", join(root, "up"));
  const env = { NIGHTSHIFT_OUTPUT_ROOT: root };
  for (const argv of [
    ["run", "flights"],
    [...score, "allowed/up/out"],
    [...score, "allowed/../out"],
  ]) {
    const refused = project.nightshiftWith(env, ...argv);
    expect(refused).toMatchObject({ status: 2, stdout: "" });
    expect(refused.stderr).toContain("NIGHTSHIFT_OUTPUT_ROOT");
  }
  expect(existsSync(project.out)).toBe(false);
  expect(project.nightshiftWith(env, ...score, "allowed/deep/er").status).toBe(0);
  expect(await keysIn(join(root, "deep/er"))).toEqual(keysBelow(project.rows));
});

test.each([
  ["a directory", (path: string) => mkdirSync(path), "is a directory", "hint: name a file in it"],
  [
    "no text",
    (path: string) => writeFileSync(path, Uint8Array.of(0x50, 0x41, 0x52, 0x31, 0xff, 0)),
    "is not text in UTF-8",
    "hint: check the path: this is not a job spec",
  ],
  [
    "far too large",
    (path: string) => writeFileSync(path, "#".repeat(300_000)),
    "has 300000 bytes",
    "hint: check the path: this is not a job spec",
  ],
  ["not there", () => undefined, "there is no file", "hint: "],
] as const)("a spec that is %s: exit 2", (_what, make, message, hint) => {
  make(join(project.cwd, "jobs/bad.yaml"));
  const refused = project.nightshift("run", "jobs/bad.yaml");
  expect(refused).toMatchObject({ status: 2, stdout: "" });
  expect(refused.stderr).toContain("jobs/bad.yaml");
  expect(refused.stderr).toContain(message);
  expect(refused.stderr).toContain(hint);
});

test("a reader of stdout or stderr that leaves does not stop a run", async () => {
  const line = `'${process.execPath}' '${builtCli}' run flights --json 2>&1 | head -1; echo "\${PIPESTATUS[0]}"`;
  const { stdout } = spawnSync("bash", ["-c", line], { cwd: project.cwd, encoding: "utf8" });
  const [event, status] = stdout.trimEnd().split("\n");
  expect(JSON.parse(event ?? "")).toMatchObject({ type: "run.started" });
  expect(status).toBe("0");
  expect(await keysIn(project.out)).toEqual(keysBelow(project.rows));
});

test("a row group that memory cannot hold is refused by its file and the way out; less than that lowers threads", () => {
  const large = join(project.cwd, "large.parquet");
  writeFlights(large, { first: 0, rows: 400_000, rowGroupRows: 200_000 });
  const wide = ["score", flightModel, large, "--key", "flight_id", "--keep", "none", "-o"];
  const refused = project.nightshift(...wide, "no/", "--memory", "150MiB");
  expect(refused).toMatchObject({ status: 1, stdout: "" });
  expect(refused.stderr).toMatch(
    /error: .*\/large\.parquet has a row group that needs about \d+ MiB in memory; 150 MiB may be used\.\n/,
  );
  expect(refused.stderr).toMatch(/hint: Write the file again with smaller row groups .*, or .*--memory/);
  expect(existsSync(join(project.cwd, "no"))).toBe(false);

  const lowered = project.nightshiftWith({ NIGHTSHIFT_THREADS: "2" }, ...wide, "yes/", "--memory", "250MiB");
  expect(lowered.status).toBe(0);
  expect(lowered.stderr).toMatch(
    /Using 1 of 2 threads: row groups of .*\/large\.parquet need about \d+ MiB each, a worker host with 1 about \d+ MiB\./,
  );

  const nothing = project.nightshift(...score, "no/", "--memory", "100MiB");
  expect(nothing).toMatchObject({ status: 2, stdout: "" });
  expect(nothing.stderr).toContain(
    "a thread needs about 140 MiB before it reads anything; 100 MiB may be used",
  );
});
