import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { jsonLinesOf, nightshift } from "../support/nightshift.js";

let cwd: string;

beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "nightshift-demo-"));
});

afterAll(() => rmSync(cwd, { recursive: true, force: true }));

test("the demo scores a week into its own folder, and what it suggests works there", () => {
  const { status, stdout, stderr } = nightshift(cwd, "demo");
  expect(status).toBe(0);
  expect(stdout).toMatch(/flight_id +date +destination +is_late +p_late/);
  expect(stderr).toContain("rows in  116,493 = 116,493 predicted + 0 quarantined + 0 filtered");
  expect(stderr).toContain("nightshift-demo/out/flight-delay/");

  const inside = join(cwd, "nightshift-demo");
  const commands = [...stderr.matchAll(/cli\.js (.+?) {2,}/g)].map((match) => match[1] ?? "");
  expect(commands.length).toBeGreaterThan(3);
  for (const command of commands.filter((line) => !line.startsWith("demo")))
    expect({ command, status: nightshift(inside, ...command.split(" ")).status }).toEqual({
      command,
      status: 0,
    });
});

test("the second time every night is published already, also from inside of the folder", () => {
  for (const directory of [cwd, join(cwd, "nightshift-demo")]) {
    const again = nightshift(directory, "demo", "--json");
    expect(again.status).toBe(0);
    const outcomes = jsonLinesOf(again).filter((line) => line.type === "run.outcome");
    expect(outcomes).toHaveLength(7);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ status: "already-published" });
  }
});
