/** Hooks where things go wrong, or where there is nothing to work on. */
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { dayJob, type HookProject, makeHookProject } from "../support/hook-project.js";

const dayRows = 17_141;
let project: HookProject;

beforeAll(() => {
  project = makeHookProject();
});
afterAll(() => project.remove());

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

test("a hook that ends its process is named, while planning and in a partition", () => {
  project.write("jobs/exits.yaml", dayJob("exits", "pre: ./exits.ts"));
  project.write("jobs/exits.ts", "export default () => process.exit(3);\n");
  const planned = project.cli("run", "exits");
  expect(planned.status).toBe(2);
  expect(planned.stderr).toMatch(/jobs\/exits\.ts:1:\d+: .*process\.exit\(3\)/);
  project.write(
    "jobs/exits.ts",
    'export const reads = ["flight_id"];\nexport default (c: any) => { if (c.numbers("flight_id")[0] > 2670000) process.exit(3); return c; };\n',
  );
  const run = project.cli("run", "exits");
  expect(run.status).toBe(2);
  expect(run.stderr).toMatch(/jobs\/exits\.ts:2:\d+: .*process\.exit\(3\)/);
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
    dayJob("empty", "pre: ./hour.ts", "post: ./named.ts")
      .replace("../fixtures/flights/dt=2001-06-11/*.parquet", "../out/make-empty/*.parquet")
      .replace("key: [flight_id]", "key: [flight_id], on_empty: publish"),
  );
  project.write(
    "jobs/named.ts",
    'export default (c: any) => c.add("named", [...c.numbers("p_late")].map(String), "string");\n',
  );
  project.write(
    "jobs/hour.ts",
    'export const reads = ["date"];\nexport default (c: any) => c.add("hour", c.numbers("date"));\n',
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

test("hooks and a mapping's files work on each other's columns, and each is pinned", async () => {
  project.write(
    "jobs/both.yaml",
    `version: 1
name: both
model: ../fixtures/models/flight-delay.onnx
input: { from: "../fixtures/flights/dt=2001-06-11/*.parquet", key: [flight_id] }
pre: ./zone.ts
features:
  float_input: { stack: [distance, { column: zone, map: { file: zones.json, unknown: 3 } }, { column: date, part: dow }] }
  origin: { column: origin }
outputs:
  output_probability: { labels: [in_time, late], columns: { p_late: late }, argmax: said, threshold: { careful: { label: late, at: 0.4 } } }
post: ./both.ts
write: { to: ../out/both, mode: replace }
`,
  );
  project.write("jobs/zones.json", '{ "A": 1, "B": 2 }');
  project.write(
    "jobs/zone.ts",
    'export const reads = ["origin"];\nexport default (c: any) => c.add("zone", c.texts("origin").map((o: string) => o[0]), "string");\n',
  );
  project.write(
    "jobs/both.ts",
    'export default (c: any) => c.add("answer", c.texts("said").map((s: string, i: number) => s + (c.numbers("careful")[i] ? "!" : "")), "string");\n',
  );
  expect(project.cli("plan", "both", "--out", "both.json").status).toBe(0);
  const explained = JSON.parse(project.cli("explain", "both", "--json").stdout);
  expect(explained.assets.map(({ role }: { role: string }) => role)).toEqual([
    "model",
    "categories",
    "pre-hook",
    "post-hook",
  ]);
  expect(project.outcome("both").rows).toMatchObject({ read: dayRows, predicted: dayRows });
  const [first] = await project.rows("both");
  expect(first).toMatchObject({ answer: expect.stringMatching(/^(in_time|late)!?$/) });
  const preview = project.cli("preview", "both", "--limit", "2", "--json");
  expect(preview.stdout).toContain('"answer"');
  project.write("jobs/zones.json", '{ "A": 9 }');
  const changed = project.cli("run", "both.json", "--reprocess");
  expect(changed.stderr).toContain("changed after the run was planned");
  // Another fingerprint: nothing of it was published.
  expect(project.cli("plan", "both").stdout).toContain("both: would run");
});
