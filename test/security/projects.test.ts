/** Nobody else's project is used, and nobody else reads what a run remembers. */
import { chownSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { findProjectRoot } from "../../src/config.js";
import { privateFileSystem } from "../../src/stores/local-file-system.js";
import { scratch } from "../support/scratch.js";

const nobody = 65_534;
const isRoot = process.getuid?.() === 0;

afterEach(() => {
  delete process.env.NIGHTSHIFT_PROJECT;
});

test.runIf(isRoot)("a project of another user in a parent folder is not used", () => {
  const shared = scratch();
  const work = join(shared, "me/work");
  mkdirSync(work, { recursive: true });
  mkdirSync(join(shared, "jobs"));
  expect(findProjectRoot(work)).toBe(shared);
  chownSync(join(shared, "jobs"), nobody, nobody);
  expect(findProjectRoot(work)).toBeNull();
  expect(findProjectRoot(shared)).toBe(shared);
  process.env.NIGHTSHIFT_PROJECT = shared;
  expect(findProjectRoot(work)).toBe(shared);
  delete process.env.NIGHTSHIFT_PROJECT;
  // A folder of theirs that somebody chose to work in.
  chownSync(work, nobody, nobody);
  expect(findProjectRoot(work)).toBe(shared);
});

test("what a run remembers is for its user alone", async () => {
  const state = join(scratch(), "state");
  const files = privateFileSystem();
  await files.mkdir(join(state, "runs/r"));
  await files.writeFile(join(state, "runs/r/plan"), "x");
  const log = await files.create(join(state, "runs/r/log"));
  await log.close();
  const modes = [
    state,
    join(state, "runs/r"),
    ...readdirSync(join(state, "runs/r")).map((name) => join(state, "runs/r", name)),
  ];
  expect(modes.map((path) => (statSync(path).mode & 0o777).toString(8))).toEqual([
    "700",
    "700",
    "600",
    "600",
  ]);
});
