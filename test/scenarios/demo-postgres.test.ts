/** `npm run demo:postgres`, with the server that npm brings. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const script = fileURLToPath(new URL("../../scripts/demo-postgres.mjs", import.meta.url));
let cwd: string;

beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "nightshift-demo-"));
});

afterAll(() => rmSync(cwd, { recursive: true, force: true }));

test("the demo of a table scores a week into it, shows it, and takes a night back", () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], {
    cwd,
    encoding: "utf8",
    env: { ...process.env, NIGHTSHIFT_TEST_POSTGRES: "embedded" },
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout).toMatch(/PostgreSQL \d+/);
  const [, week = "", record = "", rest = ""] = stdout.split("demo=# ");
  expect(week).toMatch(/dt +\| flights \| called late \| p_late/);
  expect(nightsIn(week)).toHaveLength(7);
  expect(week).toContain(" 2001-06-17 |   16596 |");
  expect(record.match(/ \| f$/gm)).toHaveLength(7);
  expect(record).toContain("$ nightshift rollback flight-delay\nrolled back ");
  const [withoutLast = "", again = ""] = rest.split("$ nightshift backfill");
  expect(nightsIn(withoutLast)).toEqual(nightsIn(week).slice(0, 6));
  expect(again).toContain("1 interval done, 0 failed, 0 not started, 6 skipped");
});

/** Lines of a result that begin with a night. */
function nightsIn(text: string): readonly string[] {
  return text.match(/^ 2001-06-\d\d \|.*$/gm) ?? [];
}
