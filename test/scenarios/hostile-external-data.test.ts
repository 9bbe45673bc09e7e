import { spawn, spawnSync } from "node:child_process";
import { existsSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { OnnxModel } from "../../src/runtimes/onnx/model-proto.js";
import { type ModelFolder, modelFolder } from "../support/model-folder.js";
import { nightshift } from "../support/nightshift.js";
import { external, model, node, types, value } from "../support/onnx-models.js";
import { linux, needs } from "../support/places.js";

let folder: ModelFolder;

beforeEach(async () => {
  folder = await modelFolder();
});

afterEach(() => folder.remove());

/** `y = x * w`, with a [1, 2] `w` in another file. */
function scaledBy(location: string, more: readonly { key: string; value: string }[] = []): OnnxModel {
  const w = external("w", [1, 2], location);
  for (const { key, value: text } of more)
    w.externalData.push(...external("", [], text).externalData.map((entry) => Object.assign(entry, { key })));
  return model({
    node: [node({ op: "Mul", in: ["x", "w"], out: ["y"] })],
    input: [value("x", types.FLOAT, ["N", 2])],
    output: [value("y", types.FLOAT, ["N", 2])],
    initializer: [w],
  });
}

/** A named pipe as canary: a process that opens it for reading lets the waiting writer go, which leaves a mark. */
function canary(path: string) {
  expect(spawnSync("mkfifo", [path]).status).toBe(0);
  const mark = `${path}.was-opened`;
  const writer = spawn("sh", ["-c", ': > "$0" && : > "$1"', path, mark], { stdio: "ignore" });
  return {
    wasOpened: () => existsSync(mark),
    end: () => writer.kill("SIGKILL"),
  };
}

test("external data outside of what is listed is never opened, by any name", (context) => {
  needs(context, linux());
  const secret = join(folder.cwd, "secret");
  const watched = canary(secret);
  const models = join(folder.cwd, "models");
  mkdirSync(join(models, "w.zip"), { recursive: true });
  symlinkSync(secret, join(models, "symlink.bin"));
  linkSync(secret, join(models, "hardlink.bin"));
  symlinkSync(folder.cwd, join(models, "folder"));
  symlinkSync(secret, join(models, "w.zip", "w.bin"));
  try {
    for (const location of [
      "../secret",
      "./x/../../secret",
      secret,
      `file://${secret}`,
      "symlink.bin",
      "hardlink.bin",
      "folder/secret",
      "w.zip/w.bin",
      "w.zip!/w.bin",
      "../secret\0.bin",
      "*/_ORT_MEM_ADDR_/*",
      "",
    ]) {
      const path = folder.put(scaledBy(location), "models/model.onnx");
      const { status, stderr } = nightshift(folder.cwd, "inspect", path);
      expect([location, status]).toEqual([location, 1]);
      expect(stderr).toContain(`error: ${path}`);
    }
    for (const location of ["../secret", "symlink.bin", "hardlink.bin"]) {
      const path = folder.put(scaledBy(location), "models/model.onnx");
      expect(nightshift(folder.cwd, "score", path, "rows.parquet", "-o", "out.parquet", "-q").status).toBe(1);
    }
    expect(watched.wasOpened()).toBe(false);
    folder.expectNothingPublished();
  } finally {
    watched.end();
  }
});

test("external data that is listed and no file is refused, and not waited for", (context) => {
  needs(context, linux());
  spawnSync("mkfifo", [join(folder.cwd, "pipe")]);
  mkdirSync(join(folder.cwd, "folder"));
  for (const location of ["pipe", "folder"]) {
    folder.put(scaledBy(location));
    const flags = ["--external-data", location];
    const { status, stderr } = nightshift(folder.cwd, "inspect", "model.onnx", ...flags);
    expect([location, status]).toEqual([location, 2]);
    expect(stderr).toContain(`${join(folder.cwd, location)} is not a file`);
  }
  spawnSync("mkfifo", [join(folder.cwd, "pipe.onnx")]);
  expect(nightshift(folder.cwd, "inspect", "pipe.onnx").stderr).toContain("is not a file");
});

test.each([
  ["an offset past the end", [{ key: "offset", value: "4096" }]],
  ["an offset before the start", [{ key: "offset", value: "-8" }]],
  ["an offset past all numbers", [{ key: "offset", value: "99999999999999999999" }]],
  ["an offset that is no number", [{ key: "offset", value: "two" }]],
  ["a length past the end", [{ key: "length", value: "4096" }]],
  ["a length before the start", [{ key: "length", value: "-8" }]],
  ["a length that is not the tensor's", [{ key: "length", value: "4" }]],
])("external data with %s is refused", (_, entries) => {
  const path = folder.put(scaledBy("w.bin", entries));
  writeFileSync(join(folder.cwd, "w.bin"), new Uint8Array(Float32Array.of(10, 100).buffer));
  const { status, stderr } = nightshift(
    folder.cwd,
    ...[
      "score",
      path,
      "rows.parquet",
      "--accept-guess",
      "-o",
      "out.parquet",
      "-q",
      "--external-data",
      "w.bin",
    ],
  );
  expect(status).toBe(1);
  expect(stderr).toContain(`${path} can't be loaded`);
  folder.expectNothingPublished();
});
