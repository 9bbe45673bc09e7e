import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const repository = fileURLToPath(new URL("../../", import.meta.url));
let cwd: string;

beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "nightshift-library-"));
  symlinkSync(join(repository, "fixtures"), join(cwd, "fixtures"));
  mkdirSync(join(cwd, "node_modules"));
  symlinkSync(repository, join(cwd, "node_modules/nightshift"));
});

afterAll(() => rmSync(cwd, { recursive: true, force: true }));

function runScript(source: string) {
  writeFileSync(join(cwd, "script.mjs"), source);
  return spawnSync(process.execPath, ["script.mjs"], { cwd, encoding: "utf8" });
}

test("the README's example runs, and prints what the README says", () => {
  const [, source = "", printed = ""] =
    /```js\n([\s\S]*?)```\n\n```\n([\s\S]*?)```/.exec(readFileSync(join(repository, "README.md"), "utf8")) ??
    [];
  const { stdout, stderr } = runScript(source);
  expect(stderr).toBe("");
  expect(stdout).toBe(printed);
});

test("defineJob reports every mistake by its path", () => {
  const { stdout } = runScript(`
    import { defineJob, NightshiftError } from "nightshift";
    try {
      defineJob({ version: 1, name: "x y", model: "m.onnx", input: { form: "a" }, write: { to: "out" } });
    } catch (error) {
      console.log(error instanceof NightshiftError, error.details.diagnostics.map(({ path }) => path).join(" "));
    }`);
  expect(stdout).toContain("true name input");
});

test("defineJob takes an interval, variables and a directory", () => {
  const { stdout, stderr } = runScript(`
    import { defineJob } from "nightshift";
    const spec = {
      version: 1, name: "x", model: "m.onnx", input: { from: "dt={{ ds }}/{{ var.part }}.parquet" },
      write: { to: "out", mode: "append" }, intervals: { every: "day" },
    };
    const job = defineJob(spec, { at: "2026-01-15", vars: { part: "a" }, cwd: "/data" });
    console.log(job.input.from[0]);`);
  expect(stderr).toBe("");
  expect(stdout).toBe("/data/dt=2026-01-15/a.parquet\n");
});
