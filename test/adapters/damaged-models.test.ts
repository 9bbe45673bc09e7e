/** Damaged models in a real worker host: numbers, an error of ours, or the death of that host; nothing else. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ModelJobFlags, modelJob } from "../../src/cli/lookup/model-job.js";
import { NightshiftError } from "../../src/errors.js";
import { childProcessHost } from "../../src/host/child-process-host.js";
import type { WorkerHost } from "../../src/host/host.js";
import { seededRandom } from "../support/seeded-random.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const fixture = (name: string) => join(root, "fixtures/models", name);
let folder: string;
let host: WorkerHost | null = null;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "nightshift-damaged-"));
});

afterAll(async () => {
  await host?.close();
  rmSync(folder, { recursive: true, force: true });
});

function livingHost(): WorkerHost {
  if (host === null || host.isGone())
    host = childProcessHost({
      entry: join(root, "dist/bundle/worker-host.js"),
      threads: 1,
      hookDir: join(folder, "hooks"),
      environment: process.env,
      maxBytes: 2 ** 31,
      memoryBytes: 2 ** 30,
    });
  return host;
}

/** Inspects, loads and predicts. @returns `scored`, or the code of the error */
async function previewOf(bytes: Uint8Array, data: string, flags: ModelJobFlags): Promise<string> {
  const path = join(folder, "model.onnx");
  writeFileSync(path, bytes);
  const job = modelJob(path, [data], { to: "out", overwrite: false }, flags, folder);
  try {
    await livingHost().call("preview", { job, guess: true, limit: 5 }, { deadlineMs: 10_000 });
    return "scored";
  } catch (error) {
    if (error instanceof NightshiftError) return error.code;
    throw error;
  }
}

const key = ["flight_id"];
const six = ["distance", "hour", "dow", "month", "time_of_day", "origin_late_rate"];

test.each([
  ["flight-columns", { key }],
  ["flight-band-forest", { key, features: six }],
])("%s cut short anywhere is refused as a damaged model", async (name, flags) => {
  const bytes = readFileSync(fixture(`${name}.onnx`));
  const results: string[] = [];
  for (let cut = 0; cut < 60; cut++) {
    const end = Math.floor((bytes.length * cut) / 60);
    results.push(await previewOf(bytes.subarray(0, end), fixture(`${name}.input.parquet`), flags));
  }
  expect(results.filter((result) => !/^model\./.test(result))).toEqual([]);
});

const foreseen =
  /^(scored|model\.[a-z-]+|mapping\.[a-z-]+|data\.row-failed|infra\.(out-of-memory|host-died|host-deadline))$/;

test.each<[string, ModelJobFlags, number]>([
  ["flight-columns", { key }, 1],
  ["flight-delay-lightgbm", { key, features: six, engine: "onnxruntime" }, 2],
  ["flight-minutes-hgb", { key, features: [...six, "previous_delay"] }, 3],
])("%s with a few bytes changed gives numbers or an error of ours", async (name, flags, seed) => {
  const random = seededRandom(seed);
  const original = readFileSync(fixture(`${name}.onnx`));
  const results: string[] = [];
  for (let mutant = 0; mutant < 120; mutant++) {
    const bytes = Uint8Array.from(original);
    for (let change = random() * 3; change >= 0; change--) {
      // Most bytes of a model are weights; its structure lies at both ends.
      const at = Math.floor(random() * (random() < 0.5 ? bytes.length : Math.min(bytes.length, 2000)));
      bytes[random() < 0.5 ? at : bytes.length - 1 - at] = Math.floor(random() * 256);
    }
    results.push(await previewOf(bytes, fixture(`${name}.input.parquet`), flags));
  }
  expect(results.filter((result) => !foreseen.test(result))).toEqual([]);
  // Else the damage would be too light, or too heavy, to tell anything.
  expect(results.filter((result) => result === "scored").length).toBeGreaterThan(5);
  expect(results.filter((result) => result.startsWith("model.")).length).toBeGreaterThan(5);
});
