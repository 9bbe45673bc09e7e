/** Hooks end to end: bundled and pinned when planned, run in threads, counted, and reported by their source's lines. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
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

test("what was planned is what runs, also if the source changes", async () => {
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

test("authors' mistakes with types are seen by their own compiler", () => {
  const repository = fileURLToPath(new URL("../../", import.meta.url));
  const options = {
    module: "ESNext",
    moduleResolution: "Bundler",
    lib: ["ES2023"],
    target: "ES2023",
    strict: true,
    noEmit: true,
    resolveJsonModule: true,
    skipLibCheck: true,
    types: [],
    paths: { nightshift: [join(repository, "dist/index.d.ts")] },
  };
  const compile = (...files: readonly string[]) => {
    project.write("tsconfig.json", JSON.stringify({ compilerOptions: options, files }));
    const tsc = join(repository, "node_modules/typescript/bin/tsc");
    return spawnSync(process.execPath, [tsc, "-p", "."], { cwd: project.root, encoding: "utf8" });
  };
  expect(compile("jobs/clock.ts", "jobs/risk.ts")).toMatchObject({ status: 0, stdout: "" });
  project.write(
    "jobs/mistyped.ts",
    'import type { PreHook } from "nightshift";\nexport default ((chunk) => chunk.keep([])) satisfies PreHook;\n',
  );
  const { status, stdout } = compile("jobs/mistyped.ts");
  expect(status).not.toBe(0);
  expect(stdout).toContain("'keep' does not exist");
});
