/** Traces of a real run, by the example of docs/observing.md; and what is not loaded without an SDK. */
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FlightProject, flightProject } from "../support/flight-project.js";

const repository = fileURLToPath(new URL("../../", import.meta.url));
let project: FlightProject;
beforeEach(() => {
  project = flightProject({ files: 2, rowsAFile: 10 });
});
afterEach(() => project.remove());

test("the worked example traces a run down to its partitions", () => {
  const [, example = ""] =
    /```js\n(\/\/ otel\.mjs\n[\s\S]*?)```/.exec(
      readFileSync(join(repository, "docs/observing.md"), "utf8"),
    ) ?? [];
  writeFileSync(join(project.cwd, "otel.mjs"), example);
  symlinkSync(join(repository, "node_modules"), join(project.cwd, "node_modules"));
  const env = { NODE_OPTIONS: `--import ${pathToFileURL(join(project.cwd, "otel.mjs")).href}` };
  const { status, stdout } = project.nightshiftWith(env, "run", "flights");
  expect(status).toBe(0);
  const names = [...stdout.matchAll(/^ {2}name: '(nightshift\.\w+)'/gm)].map(([, name]) => name);
  expect(names.sort()).toEqual([
    "nightshift.partition",
    "nightshift.partition",
    "nightshift.plan",
    "nightshift.publish",
    "nightshift.run",
  ]);
  const parents = [...stdout.matchAll(/parentSpanContext: (\w+|\{)/g)].map(([, parent]) => parent);
  expect(parents.filter((parent) => parent === "undefined")).toHaveLength(1);
  expect(stdout).toContain("'nightshift.job': 'flights'");
  expect(stdout).toMatch(/'nightshift\.step\.predict\.seconds': [\d.e-]+/);
});

test("a run without observers loads neither OpenTelemetry nor Prometheus' client nor notices", () => {
  const loaded = join(project.cwd, "loaded.json");
  writeFileSync(
    join(project.cwd, "loads.mjs"),
    `import Module from "node:module";
     import { writeFileSync } from "node:fs";
     import { isMainThread } from "node:worker_threads";
     if (isMainThread && !process.send) process.on("exit", () => writeFileSync(${JSON.stringify(loaded)}, JSON.stringify(Object.keys(Module._cache))));`,
  );
  const env = { NODE_OPTIONS: `--import ${pathToFileURL(join(project.cwd, "loads.mjs")).href}` };
  const packages = (...argv: readonly string[]): string => {
    expect(project.nightshiftWith(env, ...argv).status).toBe(0);
    return readFileSync(loaded, "utf8");
  };
  expect(packages("run", "flights")).not.toMatch(/opentelemetry|prom-client/);
  expect(packages("run", "flights", "--metrics-file", "x.prom")).toMatch(/prom-client/);
});
