import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeDenseProject } from "../support/dense-network.js";
import { jsonLinesOf, nightshiftWith } from "../support/nightshift.js";
import { linux, needs } from "../support/places.js";
import { readRows } from "../support/published-rows.js";

/** Whatever the machine has: no Vulkan driver is listed, so no adapter is found. */
const noDevice = { VK_ICD_FILENAMES: "/nonexistent.json", VK_DRIVER_FILES: "/nonexistent.json" };
let cwd: string;

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "nightshift-providers-"));
});

afterEach(() => rmSync(cwd, { recursive: true, force: true }));

test("webgpu alone, where there is no device, is an error with the way out, and nothing is published", async (context) => {
  needs(context, linux());
  await makeDenseProject(cwd, { rows: 100, providers: "[webgpu]" });
  const { status, stderr } = nightshiftWith(noDevice, cwd, "run", "net");
  expect(status).toBe(1);
  expect(stderr).toContain("webgpu does not work here");
  expect(stderr).toContain("providers: [webgpu, cpu]");
  expect(readdirSync(cwd).filter((name) => name.includes("out"))).toEqual([]);
  expect(nightshiftWith(noDevice, cwd, "validate", "net").status).toBe(1);
});

test("with cpu behind it the run goes there, and says so wherever a run is shown", async (context) => {
  needs(context, linux());
  await makeDenseProject(cwd, { rows: 100, providers: "[webgpu, cpu]" });
  const note = expect.stringMatching(/^It runs on cpu: webgpu does not work here, .+\.$/);
  const run = nightshiftWith(noDevice, cwd, "run", "net", "--json");
  expect(run.status).toBe(0);
  expect(jsonLinesOf(run)).toContainEqual(
    expect.objectContaining({ type: "run.planned", provider: "cpu", warnings: [note] }),
  );
  expect(jsonLinesOf(run).at(-1)).toMatchObject({ type: "run.outcome", provider: "cpu" });
  expect(await readRows(join(cwd, "out.parquet"))).toHaveLength(100);

  const explained = JSON.parse(nightshiftWith(noDevice, cwd, "explain", "net", "--json").stdout);
  expect(explained).toMatchObject({ profile: { provider: "cpu" }, notes: [note] });
  const preview = JSON.parse(nightshiftWith(noDevice, cwd, "preview", "net", "--json").stdout);
  expect(preview.warnings).toEqual([note]);
  expect(nightshiftWith(noDevice, cwd, "status").stdout).toMatch(/provider +cpu\n/);
});

test("doctor shows which providers work here, and why others do not", (context) => {
  needs(context, linux());
  const { status, stdout } = nightshiftWith(noDevice, cwd, "doctor", "--json");
  const { findings } = JSON.parse(stdout);
  expect(status).toBe(0);
  expect(findings).toContainEqual({ check: "provider cpu", result: "ok", detail: "models run on it" });
  expect(findings).toContainEqual({
    check: "provider webgpu",
    result: "off",
    detail: expect.any(String),
    hint: expect.any(String),
  });
  expect(existsSync(join(cwd, ".nightshift"))).toBe(false);
});
