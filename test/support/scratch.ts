import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

const made: string[] = [];

// Of each test file, whose own copy of this module it is.
afterAll(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A new folder that is gone when the test file has ended. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), "nightshift-scratch-"));
  made.push(folder);
  return folder;
}
