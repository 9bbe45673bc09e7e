/** Every page of docs/how-to, and the quick start, run as its reader would run it: real servers, real models, real processes. */
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { isAsShown, runHowTo } from "../support/how-to.js";
import { howToInputs } from "../support/how-to-inputs.js";
import { createDatabase, type TestDatabase } from "../support/postgres-server.js";
import { vectorServer } from "../support/vector-server.js";

const names = Object.keys(howToInputs);
const onVectors = names.filter((name) => name.includes("pgvector"));
const onPostgres = names.filter((name) => !name.includes("pgvector"));
const timeoutMs = 600_000;

describe("every command does what the page shows", () => {
  test.each(onPostgres)("%s", async (name) => expectAsShown(name, await createDatabase()), timeoutMs);
});

describe("every command does what the page shows, with pgvector", () => {
  const server = vectorServer();
  test.each(onVectors)("%s", async (name) => expectAsShown(name, await server.createDatabase()), timeoutMs);
});

test("output that differs from the page is noticed, and what differs from run to run is not", () => {
  const step = { command: "nightshift run x", status: 0 };
  const expected = "…\nrows in  987 = 987 predicted + 0 quarantined\nspeed    405 rows/s, 2.47 s\n";
  const printed = (rows: string) => `started\nrows in  ${rows} + 0 quarantined\nspeed  2.1 k rows/s, 13 ms\n`;
  expect(isAsShown({ ...step, expected, printed: printed("987 = 987 predicted") })).toBe(true);
  expect(isAsShown({ ...step, expected, printed: printed("988 = 988 predicted") })).toBe(false);
  expect(isAsShown({ ...step, expected: "", printed: "warning: something" })).toBe(false);
});

test("every page of docs/how-to is run", () => {
  const pages = readdirSync(fileURLToPath(new URL("../../docs/how-to", import.meta.url)));
  expect(names).toEqual(expect.arrayContaining(pages.map((page) => `how-to/${page.replace(/\.md$/, "")}`)));
});

async function expectAsShown(name: string, database: TestDatabase): Promise<void> {
  try {
    const steps = await runHowTo(name, database.url, howToInputs[name] ?? {});
    expect(steps.length).toBeGreaterThan(1);
    expect(steps.filter((step) => step.status !== 0 || !isAsShown(step))).toEqual([]);
  } finally {
    await database.drop();
  }
}
