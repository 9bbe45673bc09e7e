/** Hooks end to end: bundled and pinned when planned, run in threads, counted, and told of by their source's lines. */
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { dayJob, examplesIn, type HookProject, makeHookProject } from "../support/hook-project.js";

const dayRows = 17_141;
let project: HookProject;

beforeAll(() => {
  project = makeHookProject();
});
afterAll(() => project.remove());

test("the example of docs/hooks.md runs, and its hooks do what the mapping does by itself", async () => {
  const examples = examplesIn("docs/hooks.md");
  expect(examples.map(({ path }) => path)).toEqual([
    "jobs/late-flights.yaml",
    "jobs/clock.ts",
    "jobs/risk.ts",
    "jobs/risk-levels.json",
  ]);
  for (const { path, text } of examples) project.write(path, text);
  project.write("jobs/plain.yaml", dayJob("plain"));

  const { status, rows } = project.outcome("late-flights");
  expect(status).toBe("published");
  expect(project.outcome("plain").rows).toMatchObject({ predicted: dayRows, filtered: 0 });
  const expected = (await project.rows("plain"))
    .filter(({ p_late }) => Number(p_late) >= 0.3)
    .map((row) => ({ ...row, risk: riskOf(Number(row.p_late)) }));
  expect(expected.length).toBeGreaterThan(1000);
  expect(expected.length).toBeLessThan(dayRows);
  expect(await project.rows("late-flights")).toEqual(expected);
  // Filtered by the hook's own count, predicted by the footers of what was staged.
  expect(rows).toMatchObject({
    read: dayRows,
    predicted: expected.length,
    filtered: dayRows - expected.length,
  });
});

function riskOf(late: number): string {
  if (late >= 0.4) return "high";
  return late >= 0.35 ? "some" : "low";
}

test("the same hooks give the same bytes again; a changed hook is another fingerprint", () => {
  const before = project.digests("late-flights");
  expect(project.outcome("late-flights", "--reprocess").status).toBe("published");
  expect(project.digests("late-flights")).toEqual(before);

  const fingerprint = () =>
    JSON.parse(project.cli("plan", "late-flights", "--json").stdout).plan.fingerprint as string;
  const first = fingerprint();
  expect(fingerprint()).toBe(first);
  // Not in the hook itself, but in what it imports.
  project.write("jobs/risk-levels.json", '[{ "name": "any", "from": 0 }]');
  expect(fingerprint()).not.toBe(first);
});

test("what was planned is what runs, whatever becomes of the source", async () => {
  project.write("jobs/kept.yaml", dayJob("kept", "post: ./kept.ts"));
  project.write(
    "jobs/kept.ts",
    'export default (c: any) => c.add("version", new Int8Array(c.rows).fill(1));\n',
  );
  const planned = project.cli("plan", "kept", "--out", "plan.json");
  expect(planned.status, planned.stderr).toBe(0);
  project.write("jobs/kept.ts", "export default () => { throw new Error('too late'); };\n");
  const run = project.cli("run", "plan.json");
  expect(run.status, run.stderr).toBe(0);
  expect((await project.rows("kept")).every(({ version }) => version === 1)).toBe(true);
});

test("a bundle that is gone, or was changed, is refused", () => {
  project.write("jobs/gone.yaml", dayJob("gone", "post: ./gone.ts"));
  project.write("jobs/gone.ts", "export default (c: any) => c;\n");
  expect(project.cli("plan", "gone", "--out", "gone.json").status).toBe(0);
  const bundles = join(project.root, ".nightshift/hooks");
  for (const name of readdirSync(bundles)) writeFileSync(join(bundles, name), "exports.default = (c) => c;");
  const changed = project.cli("run", "gone.json");
  expect(changed.status).toBe(2);
  expect(changed.stderr).toContain("was changed there");
  for (const name of readdirSync(bundles)) rmSync(join(bundles, name));
  expect(project.cli("run", "gone.json", "--restart").stderr).toContain("plan again");
});

test("pre may bring features, the key and partitions; post may bring partitions", async () => {
  project.write(
    "jobs/parts.yaml",
    dayJob("parts", "pre: ./parts-pre.js", "post: ./parts-post.js", "passthrough: [half]").replace(
      "mode: replace",
      "mode: replace, partition_by: [half, late]",
    ),
  );
  project.write(
    "jobs/parts-pre.js",
    'export const reads = ["flight_id"];\n' +
      'export default (c) => c.add("half", Array.from(c.numbers("flight_id"), (id) => (id < 2670000 ? "first" : "second")));\n',
  );
  project.write(
    "jobs/parts-post.js",
    'export default (c) => c.add("late", c.numbers("is_late").map(Number));\n',
  );
  expect(project.outcome("parts").rows).toMatchObject({ predicted: dayRows });
  const folders = new Set(
    JSON.parse(project.cli("files", "parts", "--json").stdout).files.map(
      ({ path }: { path: string }) => /half=\w+\/late=\w+/.exec(path)?.[0],
    ),
  );
  expect(folders).toEqual(
    new Set(["half=first/late=0", "half=first/late=1", "half=second/late=0", "half=second/late=1"]),
  );
});

test("an error in a later chunk fails the run, and nothing is published", () => {
  project.write("jobs/later.yaml", dayJob("later", "pre: ./later.ts"));
  project.write(
    "jobs/later.ts",
    'export const reads = ["flight_id"];\nexport default (c: any) => {\n  const ids = c.numbers("flight_id");\n  if (ids[0] > 2670000) ids.nothing.here;\n  return c.add("x", ids);\n};\n',
  );
  const run = project.cli("run", "later");
  expect(run.status).toBe(2);
  expect(run.stderr).toMatch(/jobs\/later\.ts:4:\d+: the hook threw a TypeError/);
  expect(project.cli("files", "out/later").stdout).toBe("");
});

test("a hook that never returns ends at the deadline, while planning and in a partition", () => {
  const deadline = "limits: { partition_timeout: 3s, max_attempts: 1 }";
  project.write("jobs/loop.yaml", dayJob("loop", "pre: ./loop.ts", deadline));
  project.write("jobs/loop.ts", "export default () => { for (;;); };\n");
  const planned = project.cli("run", "loop");
  expect(planned.status).toBe(2);
  expect(planned.stderr).toMatch(/Planning was stopped after 3 s: .*loop\.ts may never return/);
  project.write(
    "jobs/loop.ts",
    'export const reads = ["flight_id"];\nexport default (c: any) => { while (c.numbers("flight_id")[0] > 2670000); return c; };\n',
  );
  const run = project.cli("run", "loop");
  expect(run.status).not.toBe(0);
  expect(run.stderr).toContain("Stopped after 3 s, its time limit");
});

test("an empty input shows hooks a chunk of no rows, and is published with all columns", () => {
  project.write("jobs/make-empty.yaml", dayJob("make-empty", "post: ./none.ts", "passthrough: all"));
  project.write("jobs/none.ts", "export default (c: any) => c.keep(new Uint8Array(c.rows));\n");
  expect(project.outcome("make-empty").rows).toMatchObject({
    read: dayRows,
    predicted: 0,
    filtered: dayRows,
  });
  project.write(
    "jobs/empty.yaml",
    dayJob("empty", "pre: ./clock.ts", "post: ./kept-again.ts")
      .replace("../fixtures/flights/dt=2001-06-11/*.parquet", "../out/make-empty/*.parquet")
      .replace("key: [flight_id]", "key: [flight_id], on_empty: publish"),
  );
  project.write(
    "jobs/kept-again.ts",
    'export default (c: any) => c.add("named", [...c.numbers("p_late")].map(String), "string");\n',
  );
  const end = project.outcome("empty");
  expect(end.rows).toMatchObject({ read: 0, predicted: 0 });
  const shown = JSON.parse(project.cli("inspect", "out/empty", "--json").stdout);
  expect(shown.data.columns.map(({ name }: { name: string }) => name)).toEqual([
    "flight_id",
    "is_late",
    "p_late",
    "named",
  ]);
});
