import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeDenseProject } from "../support/dense-network.js";
import { followNightshift, jsonLinesOf, nightshift, nightshiftWith } from "../support/nightshift.js";
import { readRows } from "../support/published-rows.js";

const models = fileURLToPath(new URL("../../fixtures/models/", import.meta.url));
const noDevice = { VK_ICD_FILENAMES: "/nonexistent.json", VK_DRIVER_FILES: "/nonexistent.json" };
const partly = "Not all of the model runs on webgpu: operators that it does not have run on the CPU.";
let cwd: string;

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "nightshift-webgpu-"));
});

afterEach(() => rmSync(cwd, { recursive: true, force: true }));

async function predictions(file: string, column: string): Promise<readonly number[]> {
  return (await readRows(join(cwd, file))).map((row) => Number(row[column]));
}

function largestDifference(left: readonly number[], right: readonly number[]): number {
  return left.reduce((worst, value, row) => Math.max(worst, Math.abs(value - (right[row] ?? Number.NaN))), 0);
}

test("a dense model gives the CPU's numbers, from several threads, and the run says where it ran", async () => {
  await makeDenseProject(cwd, { rows: 20_000, providers: "[webgpu]" });
  const plan = JSON.parse(nightshift(cwd, "plan", "net", "--json").stdout).plan;
  expect(plan).toMatchObject({ profile: { provider: "webgpu" }, notes: [] });

  const run = nightshift(cwd, "run", "net", "--json");
  expect({ status: run.status, stderr: run.stderr }).toEqual({ status: 0, stderr: "" });
  const events = jsonLinesOf(run);
  expect(events).toContainEqual(
    expect.objectContaining({ type: "run.planned", provider: "webgpu", threads: plan.threads }),
  );
  // Threads that did not take turns at the device would kill their host.
  expect(events.filter(({ type }) => type === "host.died" || type === "partition.failed")).toEqual([]);
  expect(events.at(-1)).toMatchObject({ type: "run.outcome", provider: "webgpu" });
  expect(nightshift(cwd, "status").stdout).toMatch(/provider +webgpu\n/);

  nightshift(cwd, "score", "net.onnx", "rows.parquet", "-o", "cpu.parquet", "--key", "id");
  const [onDevice, onCpu] = [await predictions("out.parquet", "y"), await predictions("cpu.parquet", "y")];
  expect(onDevice).toHaveLength(20_000);
  expect(new Set(onCpu).size).toBeGreaterThan(1000);
  expect(largestDifference(onDevice, onCpu)).toBeLessThan(1e-5);
});

test("a model without operators for the device runs on the CPU after all, and the plan says so", async () => {
  const score = (output: string, provider: string) =>
    nightshift(
      cwd,
      ...["score", `${models}w1-lightgbm.onnx`, `${models}w1-lightgbm.input.parquet`],
      ...["-o", output, "--provider", provider, "--json", "--key", "id", "--engine", "onnxruntime"],
    );
  const run = score("device.parquet", "webgpu");
  expect(jsonLinesOf(run)).toContainEqual(
    expect.objectContaining({ type: "run.planned", warnings: [partly] }),
  );
  expect(score("cpu.parquet", "cpu").status).toBe(0);
  expect(await predictions("device.parquet", "probability_1")).toEqual(
    await predictions("cpu.parquet", "probability_1"),
  );
});

test("a run that was planned for the device refuses to continue without it, and continues with one", async () => {
  await makeDenseProject(cwd, { rows: 1000, providers: "[webgpu, cpu]" });
  expect(nightshift(cwd, "plan", "net", "--out", "plan.json").status).toBe(0);
  const elsewhere = nightshiftWith(noDevice, cwd, "run", "plan.json");
  expect(elsewhere.status).toBe(1);
  expect(elsewhere.stderr).toContain("the run's profile says that it runs on webgpu");
  expect(existsSync(join(cwd, "out.parquet"))).toBe(false);
  expect(nightshift(cwd, "retry")).toMatchObject({
    status: 0,
    stderr: expect.stringMatching(/provider +webgpu\n/),
  });
});

test("an interrupt ends a run on the device between chunks, and retry completes it", async () => {
  await makeDenseProject(cwd, { rows: 30_000, providers: "[webgpu]" });
  const stopped = await followNightshift(cwd, ["run", "net", "--json"], ({ type }, child) => {
    if (type === "partition.accepted") child.kill("SIGINT");
  });
  expect(stopped.status).toBe(130);
  expect(existsSync(join(cwd, "out.parquet"))).toBe(false);
  expect(nightshift(cwd, "retry").status).toBe(0);
  expect(await predictions("out.parquet", "y")).toHaveLength(30_000);
});

test("a worker host that is killed on the device is replaced", async () => {
  await makeDenseProject(cwd, { rows: 30_000, providers: "[webgpu]" });
  let killed = false;
  const { status } = await followNightshift(cwd, ["run", "net", "--json"], ({ type }, child) => {
    if (type !== "partition.accepted" || killed) return;
    killed = true;
    for (const host of childrenOf(child.pid ?? 0)) process.kill(host, "SIGKILL");
  });
  expect({ status, killed }).toEqual({ status: 0, killed: true });
  expect(await predictions("out.parquet", "y")).toHaveLength(30_000);
});

function childrenOf(pid: number): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").map(Number);
}
