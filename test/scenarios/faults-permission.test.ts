/** Missing permission: each refusal names its path, leaves nothing behind, and is over once permission is given. */
import { chmodSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, test } from "vitest";
import { anotherUser } from "../support/another-user.js";
import { type FlightProject, flightProject, keysBelow, keysIn } from "../support/flight-project.js";
import type { Finished } from "../support/nightshift.js";

const user = anotherUser();
let project: FlightProject;

beforeEach(() => {
  project = flightProject({ files: 2, write: "{ to: ../published/out, mode: replace }" });
  mkdirSync(join(project.cwd, "published"));
  user.own(project.cwd);
});

afterEach(() => {
  for (const path of ["published", "state"])
    if (existsSync(join(project.cwd, path))) chmodSync(join(project.cwd, path), 0o755);
  project.remove();
});

afterAll(() => user.remove());

function run(...argv: readonly string[]): Promise<Finished> {
  return project.start(argv, user.startAs).finished;
}

async function refusedWhile(path: string, mode: number, argv: readonly string[]): Promise<Finished> {
  chmodSync(join(project.cwd, path), mode);
  const refused = await run(...argv);
  chmodSync(join(project.cwd, path), 0o755);
  return refused;
}

test("an output that may not be written to", async () => {
  const refused = await refusedWhile("published", 0o555, ["run", "flights"]);
  expect(refused).toMatchObject({ status: 1, stdout: "" });
  expect(refused.stderr).toMatch(
    /error: cannot create .*\/published\/\.out\.nightshift: permission denied\n/,
  );
  // The place itself is missing: no right to it can be granted.
  expect(refused.stderr).toContain(`the right to write in ${join(project.cwd, "published")}, or`);
  expect(readdirSync(join(project.cwd, "published"))).toEqual([]);

  expect(await run("run", "flights")).toMatchObject({ status: 0 });
  expect(await keysIn(join(project.cwd, "published/out"))).toEqual(keysBelow(project.rows));
});

test("a state directory that may not be written to", async () => {
  mkdirSync(join(project.cwd, "state"));
  user.own(project.cwd);
  const argv = ["run", "flights", "--state", "state"];
  const refused = await refusedWhile("state", 0o555, argv);
  expect(refused).toMatchObject({ status: 1, stdout: "" });
  expect(refused.stderr).toMatch(/error: cannot create .*\/state\/.*: permission denied\n/);
  expect(refused.stderr).toContain(`the right to write in ${join(project.cwd, "state")}, or`);
  expect(existsSync(join(project.cwd, "published/out"))).toBe(false);

  expect(await run(...argv)).toMatchObject({ status: 0 });
  expect(await keysIn(join(project.cwd, "published/out"))).toEqual(keysBelow(project.rows));
});

test.each([
  ["input/01.parquet", 1, /error: .*\/input\/01\.parquet cannot be read by this user\n/],
  ["model.onnx", 1, /error: no permission to read .*\/model\.onnx\n/],
  ["jobs/flights.yaml", 2, /error: jobs\/flights\.yaml cannot be read: permission denied\n/],
] as const)("%s may not be read: exit %i", async (path, code, message) => {
  const argv = ["run", "jobs/flights.yaml"];
  const refused = await refusedWhile(path, 0o000, argv);
  expect(refused).toMatchObject({ status: code, stdout: "" });
  expect(refused.stderr).toMatch(message);
  expect(refused.stderr).toContain("hint:");
  expect(readdirSync(join(project.cwd, "published"))).toEqual([]);

  expect(await run(...argv)).toMatchObject({ status: 0 });
  expect(await keysIn(join(project.cwd, "published/out"))).toEqual(keysBelow(project.rows));
});
