/** A job over many intervals: what runs, what is skipped and why, and that a killed backfill does only the rest. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import type { RunState } from "../../src/job/run.js";
import { type DailyProject, dailyProject } from "../support/daily-project.js";
import { keysBelow, keysIn, writeFlights } from "../support/flight-project.js";
import { jsonLinesOf, nightshift, type RunLine, startNightshift } from "../support/nightshift.js";

const days = 8;
let project: DailyProject;
afterEach(() => project.remove());

const range = (of: DailyProject): readonly string[] => [
  ...["backfill", "daily", "--from", of.days[0] ?? "", "--to", of.days.at(-1) ?? ""],
];

function backfill(...more: readonly string[]) {
  const finished = nightshift(project.cwd, ...range(project), "--json", ...more);
  const lines = finished.stdout === "" ? [] : jsonLinesOf(finished);
  const of = (type: string) => lines.filter((line) => line.type === type);
  const ds = (line: RunLine) => (line.interval as { readonly ds: string }).ds;
  return {
    ...finished,
    decided: of("interval.decided"),
    /** The days that ran, in the order of their ends. */
    ran: of("interval.outcome").map(ds),
    failed: of("interval.outcome").flatMap((line) => (line.error === null ? [] : [ds(line)])),
    outcome: of("backfill.outcome")[0],
    reasons: Object.fromEntries(of("interval.decided").map((line) => [ds(line), line.reason])),
  };
}

const generations = (): readonly number[] =>
  JSON.parse(nightshift(project.cwd, "ls", "runs", "--limit", "100", "--json").stdout)
    .map(({ run }: { readonly run: { readonly key: { readonly generation: number } } }) => run.key.generation)
    .sort();

test("it shows what runs and what is skipped and why before it starts, and --dry-run starts nothing", () => {
  project = dailyProject("2025-03-01", days);
  expect(nightshift(project.cwd, "run", "daily", "--at", "2025-03-03").status).toBe(0);
  const dry = nightshift(project.cwd, ...range(project), "--dry-run");
  expect(dry).toMatchObject({ status: 0, stdout: "" });
  expect(dry.stderr.trimEnd().split("\n")).toEqual([
    "daily: 7 intervals to run, 1 to skip",
    "  run   2025-03-01 to 2025-03-02 (2)      not published",
    "  skip  2025-03-03                        published as publication 1",
    "  run   2025-03-04 to 2025-03-08 (5)      not published",
  ]);
  expect(generations()).toEqual([1]);
});

test("it continues past a failure, stops after --max-failures, and runs the failed ones when asked", async () => {
  project = dailyProject("2025-03-01", days);
  const [first = "", second = ""] = project.days;
  for (const day of [first, second]) rmSync(project.inputPath(day));
  const stopped = backfill("--max-failures", "1");
  expect(stopped).toMatchObject({ status: 2, ran: [first] });
  expect(stopped.outcome).toMatchObject({ done: 0, failed: 1, left: 7 });
  const all = backfill();
  expect(all).toMatchObject({ status: 2, failed: [first, second] });
  expect(all.outcome).toMatchObject({ done: 6, failed: 2, left: 0 });
  project.writeDay(first);
  project.writeDay(second);
  expect(backfill("--newest-first")).toMatchObject({ status: 0, ran: [second, first] });
  expect([...(await keysIn(project.out))].sort((a, b) => a - b)).toEqual(keysBelow(days * project.rowsADay));
});

test("at the end it names the command that shows the rows of each run that could not be scored", () => {
  project = dailyProject("2025-03-01", 4);
  const [, second = "", , fourth = ""] = project.days;
  const spec = readFileSync(project.spec, "utf8");
  writeFileSync(project.spec, spec.replace("threads: 1", "threads: 1, on_row_error: quarantine"));
  const hour = (key: number) => (key % 5 === 2 ? null : 7n);
  for (const day of [second, fourth])
    writeFlights(project.inputPath(day), { first: project.days.indexOf(day) * 5, rows: 5, hour });
  const ended = nightshift(project.cwd, ...range(project));
  expect(ended.status).toBe(4);
  const runs: readonly RunState[] = JSON.parse(nightshift(project.cwd, "ls", "runs", "--json").stdout);
  const bad = runs
    .filter(({ run }) => [second, fourth].includes(run.job.interval?.ds ?? ""))
    .map(({ run }) => run.id);
  expect(bad).toHaveLength(2);
  const named = [...ended.stderr.matchAll(/ errors (\S+)$/gm)].map(([, id]) => id);
  expect([...named].sort()).toEqual([...bad].sort());
});

test("killed in the middle and started again, every interval is published once", async () => {
  project = dailyProject("2025-03-01", days);
  let ended = 0;
  const killed = startNightshift(project.cwd, [...range(project), "--max-parallel", "2", "--json"], {
    onEvent(event, child) {
      if (event.type === "interval.outcome") ended += 1;
      // Two tracks: one has just ended a run, and the other is somewhere in its own.
      if (ended === 3) child.kill("SIGKILL");
    },
  });
  await killed.finished;
  const again = backfill();
  expect(again.status).toBe(0);
  expect(again.ran.length).toBeGreaterThan(0);
  expect(again.ran.length).toBeLessThanOrEqual(days - 3);
  expect(generations()).toEqual(Array.from({ length: days }, () => 1));
  expect([...(await keysIn(project.out))].sort((a, b) => a - b)).toEqual(keysBelow(days * project.rowsADay));
});

test("stopped by an interrupt it exits 130, and says what is left", async () => {
  project = dailyProject("2025-03-01", days);
  let ended = 0;
  const running = startNightshift(project.cwd, [...range(project), "--json"], {
    onEvent(event, child) {
      if (event.type === "interval.outcome") ended += 1;
      // A second interrupt would end the process at once.
      if (event.type === "interval.outcome" && ended === 1) child.kill("SIGINT");
    },
  });
  const { status, stdout } = await running.finished;
  const outcome = jsonLinesOf({ stdout }).at(-1);
  expect(status).toBe(130);
  expect(Number(outcome?.done) + Number(outcome?.left)).toBe(days);
  expect(backfill()).toMatchObject({ status: 0, outcome: { done: outcome?.left, left: 0 } });
});

test("stale intervals are those that came from another spec; the others stay", () => {
  project = dailyProject("2025-03-01", 4);
  expect(backfill().status).toBe(0);
  expect(backfill("--reprocess", "stale")).toMatchObject({ status: 0, ran: [] });
  project.writeDay("2025-03-02");
  const one = backfill("--reprocess", "stale");
  expect(one).toMatchObject({ status: 0, ran: ["2025-03-02"] });
  expect(one.reasons["2025-03-02"]).toMatch(
    /^published as publication \d+, from another spec, model or input$/,
  );
  expect(one.reasons["2025-03-01"]).toBe("published as publication 1, up to date");
  project.writeSpec({ more: ["passthrough: [origin]"] });
  expect(backfill()).toMatchObject({ status: 0, ran: [] });
  expect(backfill("--reprocess", "stale").ran).toEqual(project.days);
});

test("an interrupted backfill of `all` continues, and a new one scores all again", () => {
  project = dailyProject("2025-03-01", 4);
  expect(backfill().status).toBe(0);
  const [first = "", second = "", ...others] = project.days;
  rmSync(project.inputPath(second));
  expect(backfill("--reprocess", "all", "--max-failures", "1")).toMatchObject({ ran: [first, second] });
  project.writeDay(second);
  const rest = backfill("--reprocess", "all");
  expect(rest).toMatchObject({ status: 0, ran: [second, ...others] });
  expect(rest.reasons[first]).toMatch(/by this backfill$/);
  expect(backfill("--reprocess", "all").ran).toEqual(project.days);
  expect(generations()).toEqual([1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]);
});

test("what makes no sense is refused before anything runs", () => {
  project = dailyProject("2025-03-01", 1);
  const refused = (...argv: readonly string[]) => nightshift(project.cwd, "backfill", "daily", ...argv);
  expect(refused("--from", "2025-03-02", "--to", "2025-03-01")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("--to 2025-03-01 is before --from 2025-03-02"),
  });
  expect(refused("--from", "2025-02-01", "--to", "2025-03-01")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("is before the first interval"),
  });
  expect(refused("--from", "2025-02-01", "--to", "2025-03-01").stderr).toContain("choose a later --from");
  expect(refused("--from", "2025-03-01").status).toBe(2);
  expect(refused("--from", "2025-03-01", "--to", "2200-01-01").stderr).toContain("more than 10000 intervals");
  const future = refused("--from", "2025-03-01", "--to", "2025-03-01", "--max-parallel", "0");
  expect(future.stderr).toContain("whole number of at least 1");
  writeFileSync(
    project.spec,
    readFileSync(project.spec, "utf8")
      .replace(/^intervals:.*$/m, "")
      .replace("{{ ds }}", "*"),
  );
  expect(refused("--from", "2025-03-01", "--to", "2025-03-01")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("daily has no intervals"),
  });
});
