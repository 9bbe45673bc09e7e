import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { OnnxModel } from "../../src/runtimes/onnx/model-proto.js";
import {
  chain,
  cycle,
  deepNesting,
  emptyPromise,
  endlessLoop,
  hoardingLoop,
  hugeTensor,
  nestedIfs,
  wrongTypes,
} from "../support/hostile-models.js";
import { type ModelFolder, modelFolder } from "../support/model-folder.js";
import { nightshift, nightshiftWith } from "../support/nightshift.js";
import { identity, model, node, types, value } from "../support/onnx-models.js";
import { linux, needs } from "../support/places.js";

let folder: ModelFolder;

beforeEach(async () => {
  folder = await modelFolder();
});

afterEach(() => folder.remove());

function job(limits: string): void {
  mkdirSync(join(folder.cwd, "jobs"), { recursive: true });
  writeFileSync(
    join(folder.cwd, "jobs/hostile.yaml"),
    `version: 1
name: hostile
model: ../model.onnx
input: { from: ../rows.parquet }
features: { x: { stack: [a, b] } }
write: { to: ../out.parquet }
limits: ${limits}
`,
  );
}

const own = model({
  node: [node({ op: "Steal", in: ["x"], out: ["y"], domain: "com.example" })],
  input: [value("x", types.FLOAT, ["N", 2])],
  output: [value("y", types.FLOAT, ["N", 2])],
});
own.opsetImport.push(...model({}, { opsetImport: [{ domain: "com.example", version: 1n }] }).opsetImport);

const newer = identity(types.FLOAT, ["N", 2]);
newer.opsetImport = model({}, { opsetImport: [{ domain: "", version: 9999n }] }).opsetImport;

describe("a model that cannot run ends with an error that names it, and publishes nothing", () => {
  test.each<[string, OnnxModel | Uint8Array, RegExp]>([
    ["a graph in a circle", cycle(), /not acyclic/],
    ["a tensor that is larger than its bytes", emptyPromise(1n << 40n), /exceeds/],
    ["numbers and texts added up", wrongTypes(), /operator \(Add\)/],
    ["messages in messages", deepNesting(20_000), /nested too deeply/],
    ["branches in branches", nestedIfs(300), /nested too deeply/],
    ["more branches in branches", nestedIfs(3000), /nested too deeply/],
    ["more memory than there is, at once", hugeTensor(1n << 40n, "predicting"), /memory ran out/],
    ["a size past all numbers", hugeTensor(1n << 60n, "predicting"), /memory ran out/],
    ["an operator of its own", own, /operator Steal of com\.example/],
    ["an opset of the future", newer, /opset 9999/],
  ])("%s", (_, built, reason) => {
    const path = folder.put(built);
    const { status, stderr } = nightshift(
      folder.cwd,
      ...["score", path, "rows.parquet", "--accept-guess", "-o", "out.parquet", "-q"],
    );
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: /);
    expect(stderr).toContain(path);
    expect(stderr).toMatch(reason);
    folder.expectNothingPublished();
  });
});

test("validate loads the model, so what an engine cannot load shows there", () => {
  folder.put(newer);
  job("{}");
  const { status, stdout, stderr } = nightshift(folder.cwd, "validate", "hostile");
  expect({ status, stdout: stdout.trim() }).toEqual({ status: 1, stdout: "invalid  hostile" });
  expect(stderr).toContain("opset 9999");
});

test("a hundred thousand operators in a row are looked through in a moment", () => {
  folder.put(chain(100_000));
  expect(nightshift(folder.cwd, "inspect", "model.onnx").status).toBe(0);
});

describe("a model that never returns", () => {
  test("is stopped by the partition's time limit, and the run fails", () => {
    folder.put(endlessLoop(["N", 2], "in-large-batches"));
    job("{ partition_timeout: 5s, max_attempts: 1 }");
    const { status, stderr } = nightshift(folder.cwd, "run", "hostile", "-q");
    expect(status).toBe(1);
    expect(stderr).toContain("Stopped after 5 s, its time limit");
    expect(stderr).toContain(`the model is ${join(folder.cwd, "model.onnx")}`);
    folder.expectNothingPublished();
  });

  test("is stopped as well where planning tries it, and in a preview", () => {
    folder.put(endlessLoop());
    job("{ partition_timeout: 2s }");
    for (const [command, doing] of [
      ["plan", "Planning"],
      ["validate", "Planning"],
      ["preview", "The preview"],
    ] as const) {
      const { status, stderr } = nightshift(folder.cwd, command, "hostile");
      expect([command, status]).toEqual([command, 1]);
      expect(stderr).toContain(
        `${doing} was stopped after 2 s: the model ${join(folder.cwd, "model.onnx")} may never`,
      );
    }
  });
});

test("a model that hoards memory takes its worker host along, and neither the coordinator nor the machine", (context) => {
  needs(context, linux());
  const path = folder.put(hoardingLoop());
  job("{}");
  const little = { NIGHTSHIFT_MEMORY: "640MiB" };
  const { status, stderr } = nightshiftWith(little, folder.cwd, "run", "hostile", "-q");
  expect(status).toBe(1);
  expect(stderr).toContain("killed the worker host three times");
  expect(stderr).toMatch(/it held [\d.]+ [MG]B of memory, and may hold 604 MB/);
  folder.expectNothingPublished();
  const preview = nightshiftWith(little, folder.cwd, "preview", "hostile", "--limit", "50");
  expect(preview.status).toBe(1);
  expect(preview.stderr).toContain(`${path} takes too much memory`);
});
