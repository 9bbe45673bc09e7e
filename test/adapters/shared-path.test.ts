import { join } from "node:path";
import { expect, test } from "vitest";
import { markShared, seesShared } from "../../src/sinks/files/shared-path.js";
import { localFileSystem } from "../../src/stores/local/local-file-system.js";
import { scratch } from "../support/scratch.js";

const fileSystem = localFileSystem();
const here = (): string => join(scratch(), "out");

test("every process that sees the output's place sees the mark, also when it was left before", async () => {
  const to = here();
  await markShared(fileSystem, to, "run-1");
  await markShared(fileSystem, to, "run-1");
  expect(await seesShared(fileSystem, to, "run-1", async () => undefined)).toBe(true);
});

test("a place of the same name elsewhere, or another run's mark, is not enough", async () => {
  const to = here();
  await markShared(fileSystem, to, "run-1");
  let pauses = 0;
  const pause = async (): Promise<void> => {
    pauses += 1;
  };
  expect(await seesShared(fileSystem, to, "run-2", pause)).toBe(false);
  expect(await seesShared(fileSystem, here(), "run-1", pause)).toBe(false);
  expect(pauses).toBeGreaterThan(2);
});

test("a mark that shows late is waited for", async () => {
  const to = here();
  expect(await seesShared(fileSystem, to, "run-1", () => markShared(fileSystem, to, "run-1"))).toBe(true);
});
