/** `retention:` of nightshift.yaml: `gc` removes old runs from the ledger, and nothing that they published. */
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openNightshift } from "../../src/index.js";
import { type DailyProject, dailyProject } from "../support/daily-project.js";
import { keysIn } from "../support/flight-project.js";
import { nightshift } from "../support/nightshift.js";
import { migrateAt } from "../support/postgres-ledgers.js";
import { createDatabase, type TestDatabase } from "../support/postgres-server.js";

let database: TestDatabase;
let project: DailyProject;

beforeAll(async () => {
  database = await createDatabase();
  await migrateAt(database.url);
}, 60_000);
afterAll(() => database.drop());
beforeEach(() => {
  project = dailyProject("2025-01-01", 3);
});
afterEach(() => project.remove());

const keep = (runs: string) =>
  writeFileSync(join(project.cwd, "nightshift.yaml"), `retention: { runs: ${runs} }\n`);

interface ListedRun {
  readonly run: { readonly id: string };
}

describe.each(["journal", "database"])("in a %s", (kind) => {
  const cli = (...argv: readonly string[]) =>
    nightshift(project.cwd, ...argv, ...(kind === "journal" ? [] : ["--ledger", database.url]));
  const listed = (): readonly ListedRun[] => JSON.parse(cli("ls", "runs", "--json").stdout);
  const gc = (...flags: readonly string[]) => JSON.parse(cli("gc", "--json", ...flags).stdout);

  test("published, failed and dropped runs go; what is published stays, and is known to be published", async () => {
    for (const day of project.days)
      expect(cli("run", "daily", "--at", day, "-q")).toMatchObject({ status: 0 });
    expect(cli("run", "daily", "--at", "2025-01-01", "--reprocess", "-q")).toMatchObject({ status: 0 });
    appendFileSync(project.inputPath("2025-01-02"), "no longer Parquet");
    expect(cli("run", "daily", "--at", "2025-01-02", "--reprocess", "-q")).toMatchObject({ status: 1 });
    project.writeDay("2025-01-02");
    const before = await keysIn(project.out);
    const all = listed();

    keep("365d");
    expect(gc()).toMatchObject({ forgotten: [] });
    keep("1ms");
    const wouldGo = gc("--dry-run").forgotten;
    expect(listed()).toEqual(all);
    expect(gc()).toMatchObject({ forgotten: wouldGo, skipped: [] });

    // The newest run of the job, and the newest interval that is published, by which freshness is judged.
    const left = listed();
    expect(left.length).toBe(all.length - wouldGo.length);
    expect(left.map(({ run }) => run.id)).toContain(
      all.find(({ run }) => run.id.includes("2025-01-03"))?.run.id,
    );
    expect(left.length).toBeLessThanOrEqual(2);
    expect(await keysIn(project.out)).toEqual(before);
    expect(gc()).toMatchObject({ forgotten: [], skipped: [] });

    const [gone = ""] = wouldGo;
    expect(cli("status", gone)).toMatchObject({ status: 2 });
    const again = JSON.parse(
      cli("run", "daily", "--at", "2025-01-01", "--json", "--progress", "none").stdout,
    );
    expect(again).toMatchObject({ status: "already-published" });
    const third = cli("run", "daily", "--at", "2025-01-01", "--reprocess", "--json", "--progress", "none");
    expect(JSON.parse(third.stdout)).toMatchObject({
      status: "published",
      run: { key: { generation: 3 } },
    });
    expect(await keysIn(project.out)).toEqual(before);
  });
});

test("a rolled-back run that was forgotten is scored again as a generation of its own", () => {
  const cli = (...argv: readonly string[]) => nightshift(project.cwd, ...argv);
  for (const day of project.days) cli("run", "daily", "--at", day, "-q");
  expect(cli("rollback", "daily", "-q")).toMatchObject({ status: 0 });
  cli("run", "daily", "--at", "2025-01-01", "--reprocess", "-q");
  cli("run", "daily", "--at", "2025-01-02", "--reprocess", "-q");
  keep("1ms");
  expect(JSON.parse(cli("gc", "--json").stdout).forgotten.length).toBeGreaterThan(2);
  const again = cli("run", "daily", "--at", "2025-01-03", "--json", "--progress", "none");
  expect(JSON.parse(again.stdout)).toMatchObject({
    status: "published",
    run: { key: { generation: 2 } },
  });
});

test("a program's gc has the same retention", async () => {
  for (const day of project.days) nightshift(project.cwd, "run", "daily", "--at", day, "-q");
  keep("1ms");
  const open = await openNightshift({ project: project.cwd });
  try {
    expect((await open.gc({ dryRun: true })).forgotten).toHaveLength(2);
  } finally {
    await open.close();
  }
});

test("a mistake in nightshift.yaml removes nothing, and is shown where it stands", () => {
  const cli = (...argv: readonly string[]) => nightshift(project.cwd, ...argv);
  cli("run", "daily", "--at", "2025-01-01", "-q");
  cli("run", "daily", "--at", "2025-01-02", "-q");
  cli("run", "daily", "--at", "2025-01-03", "-q");
  keep("90 days");
  const { status, stderr } = cli("gc");
  expect(status).toBe(2);
  expect(stderr).toContain("nightshift.yaml:1:20");
  expect(JSON.parse(cli("ls", "runs", "--json").stdout)).toHaveLength(3);
});
