import { linkSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import * as engine from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { ModelError, NightshiftError } from "../../src/errors.js";
import type { Asset } from "../../src/job/plan.js";
import type { OnnxModel } from "../../src/runtimes/onnx/model-proto.js";
import { createSession } from "../../src/runtimes/onnx/session.js";
import {
  encoded,
  external,
  floats,
  graph,
  model,
  modelBytes,
  node,
  types,
  value,
} from "../support/onnx-models.js";
import { loaded, profile, runtime, writeModel } from "../support/onnx-run.js";
import { scratch } from "../support/scratch.js";

/** `y = x * w`, with a [1, 2] `w` in another file. */
function scaledBy(location: string, offset?: number): OnnxModel {
  return model({
    node: [node({ op: "Mul", in: ["x", "w"], out: ["y"] })],
    input: [value("x", types.FLOAT, ["N", 2])],
    output: [value("y", types.FLOAT, ["N", 2])],
    initializer: [external("w", [1, 2], location, offset)],
  });
}

const weights = (...data: number[]) => new Uint8Array(Float32Array.from(data).buffer);

function weightsFile(folder: string, name = "w.bin", ...data: number[]): string {
  const path = join(folder, name);
  writeFileSync(path, weights(...(data.length === 0 ? [10, 100] : data)));
  return path;
}

const ones = { x: { type: "float32", dims: [1, 2], data: Float32Array.of(1, 1) } } as const;

async function refusal(doing: Promise<unknown>): Promise<NightshiftError> {
  const error = await doing.then(
    () => new Error("it was accepted"),
    (thrown: unknown) => thrown,
  );
  if (error instanceof NightshiftError) return error;
  throw error;
}

describe("a listed file", () => {
  it("is pinned, and used", async () => {
    const folder = scratch();
    const file = weightsFile(folder);
    const path = writeModel(scaledBy("w.bin"), folder);
    const { assets } = await runtime.inspect(path, [file]);
    expect(assets.map(({ role, path, size }) => [role, path, size])).toEqual([
      ["model", path, expect.any(Number)],
      ["external-data", file, 8],
    ]);
    const { y } = await (await runtime.load(assets, profile)).predict(ones);
    expect(y?.data).toEqual(Float32Array.of(10, 100));
  });

  it("is read at its offset", async () => {
    const folder = scratch();
    const file = weightsFile(folder, "w.bin", 1, 2, 3, 4);
    const predictor = await loaded(writeModel(scaledBy("w.bin", 8), folder), [file]);
    expect((await predictor.predict(ones)).y?.data).toEqual(Float32Array.of(3, 4));
  });

  it("may lie anywhere, once it is listed", async () => {
    const [folder, elsewhere] = [scratch(), scratch()];
    const file = weightsFile(elsewhere);
    const location = `../${basename(elsewhere)}/w.bin`;
    const predictor = await loaded(writeModel(scaledBy(location), folder), [file]);
    expect((await predictor.predict(ones)).y?.data).toEqual(Float32Array.of(10, 100));
  });

  it("that changed after planning is refused", async () => {
    const folder = scratch();
    const file = weightsFile(folder);
    const { assets } = await runtime.inspect(writeModel(scaledBy("w.bin"), folder), [file]);
    weightsFile(folder, "w.bin", 10, 101);
    const error = await refusal(runtime.load(assets, profile));
    expect(error.code).toBe("model.changed");
    expect(error.message).toContain(file);
  });

  it("that is too short for its tensor is refused", async () => {
    const folder = scratch();
    const file = weightsFile(folder);
    const error = await refusal(loaded(writeModel(scaledBy("w.bin", 4), folder), [file]));
    expect(error.code).toBe("model.load-failed");
    expect(error.message).toContain("out of bounds");
  });

  it("that is not there is a wrong path", async () => {
    const folder = scratch();
    const path = writeModel(scaledBy("w.bin"), folder);
    const error = await refusal(runtime.inspect(path, [join(folder, "w.bin")]));
    expect([error.code, error.message]).toEqual(["model.not-found", expect.stringContaining("w.bin")]);
  });
});

describe("the data file that is named after the model", () => {
  // `writeModel` names it.
  const ownName = (suffix: string) => `${basename(writeModel(scaledBy("w.bin"), scratch()))}${suffix}`;

  it.each([".data", "_data"])("needs no listing: model.onnx%s", async (suffix) => {
    const folder = scratch();
    const file = weightsFile(folder, ownName(suffix));
    const path = writeModel(scaledBy(basename(file)), folder);
    const { assets } = await runtime.inspect(path, []);
    expect(assets[1]).toMatchObject({ role: "external-data", path: file, size: 8 });
    const { y } = await (await runtime.load(assets, profile)).predict(ones);
    expect(y?.data).toEqual(Float32Array.of(10, 100));
  });

  it.each([
    ["a symlink", symlinkSync],
    ["a hard link", linkSync],
  ])("does where it is %s", async (_what, link) => {
    const [folder, elsewhere] = [scratch(), scratch()];
    const name = ownName(".data");
    link(weightsFile(elsewhere), join(folder, name));
    const error = await refusal(runtime.inspect(writeModel(scaledBy(name), folder), []));
    expect(error.code).toBe("model.external-data-unlisted");
  });

  it("does where another way is taken to it, where it belongs to another model, and where it is a folder", async () => {
    const folder = scratch();
    const name = ownName(".data");
    weightsFile(folder, name);
    weightsFile(folder, "other.onnx.data");
    mkdirSync(join(folder, "sub"));
    for (const location of [`./${name}`, `sub/../${name}`, join(folder, name), "other.onnx.data"]) {
      const error = await refusal(runtime.inspect(writeModel(scaledBy(location), folder), []));
      expect([location, error.code]).toEqual([location, "model.external-data-unlisted"]);
    }
    const another = scratch();
    mkdirSync(join(another, name));
    const error = await refusal(runtime.inspect(writeModel(scaledBy(name), another), []));
    expect(error.code).toBe("model.external-data-unlisted");
  });
});

describe("a file that is not listed is refused, naming the file and how to list it", () => {
  async function refusedLocation(location: string, folder = scratch(), listed: readonly string[] = []) {
    const error = await refusal(runtime.inspect(writeModel(scaledBy(location), folder), listed));
    expect(error).toBeInstanceOf(ModelError);
    expect(error.code).toBe("model.external-data-unlisted");
    expect(error.message).toContain(JSON.stringify(location));
    expect(error.hint).toContain(`external_data: [${JSON.stringify(error.details.path)}]`);
    return error;
  }

  it("beside the model", async () => {
    const folder = scratch();
    const file = weightsFile(folder);
    expect((await refusedLocation("w.bin", folder)).details.path).toBe(file);
  });

  it("by an absolute path", async () => {
    await refusedLocation("/etc/passwd");
  });

  it("by a path upwards", async () => {
    await refusedLocation("../../etc/passwd");
  });

  it("though another file is listed", async () => {
    const folder = scratch();
    weightsFile(folder);
    await refusedLocation("w.bin", folder, [weightsFile(folder, "other.bin")]);
  });

  it("behind a symlink", async () => {
    const folder = scratch();
    symlinkSync("/etc/passwd", join(folder, "w.bin"));
    await refusedLocation("w.bin", folder);
  });

  it("behind a hard link, which the engine itself would follow", async () => {
    const [folder, elsewhere] = [scratch(), scratch()];
    linkSync(weightsFile(elsewhere, "secret.bin"), join(folder, "w.bin"));
    await refusedLocation("w.bin", folder);
  });

  it("by the engine's own name for an address in memory", async () => {
    await refusedLocation("*/_ORT_MEM_ADDR_/*");
  });

  const inner = graph({ initializer: [external("w", [1, 2], "w.bin")] });
  it.each([
    ["a constant", { name: "value", t: external("w", [1, 2], "w.bin") }],
    ["a list of tensors", { name: "values", tensors: [external("w", [1, 2], "w.bin")] }],
    ["a branch", { name: "then_branch", g: inner }],
    ["a list of branches", { name: "branches", graphs: [inner] }],
    ["a sparse constant", { name: "sparse_value", sparseTensor: { values: external("w", [2], "w.bin") } }],
    [
      "an attribute that begins as something else",
      {
        name: "value",
        ints: [1n, 300n],
        floats: [1],
        strings: [weights(1)],
        t: external("w", [1, 2], "w.bin"),
      },
    ],
  ])("in %s", async (_, attribute) => {
    const built = scaledBy("w.bin");
    built.graph.initializer = [];
    built.graph.node.unshift(node({ op: "Constant", in: [], out: ["w"], encoded: [encoded(attribute)] }));
    const error = await refusal(runtime.inspect(writeModel(built), []));
    expect(error.code).toBe("model.external-data-unlisted");
  });

  it("in a function of the model", async () => {
    const built = scaledBy("w.bin");
    const { functions } = model(
      {},
      {
        functions: [
          {
            name: "f",
            domain: "own",
            node: [
              node({
                op: "Constant",
                in: [],
                out: ["w"],
                encoded: [encoded({ name: "value", t: external("w", [1], "w.bin") })],
              }),
            ],
          },
        ],
      },
    );
    built.graph.initializer = [floats("w", [1, 2], [1, 2])];
    built.functions = functions;
    const error = await refusal(runtime.inspect(writeModel(built), []));
    expect(error.code).toBe("model.external-data-unlisted");
  });
});

describe("files too large to hold are mapped by the engine", () => {
  const session = (built: OnnxModel, path: string, files: readonly { location: string; asset: Asset }[]) =>
    createSession(engine, { path, bytes: modelBytes(built), external: files }, profile, { maxHeldBytes: 4 });

  async function planned(location: string, folder: string, listed: string) {
    const built = scaledBy(location);
    const path = writeModel(built, folder);
    const { assets } = await runtime.inspect(path, [listed]);
    const asset = assets[1];
    if (asset === undefined) throw new Error("no external data was pinned");
    return { built, path, files: [{ location, asset }] };
  }

  it("from the folder that they lie in", async () => {
    const folder = scratch();
    mkdirSync(join(folder, "data"));
    const file = weightsFile(join(folder, "data"));
    const { built, path, files } = await planned("data/w.bin", folder, file);
    const made = await session(built, path, files);
    const { y } = await made.run({ x: new engine.Tensor("float32", [1, 1], [1, 2]) });
    expect(y?.data).toEqual(Float32Array.of(10, 100));
  });

  it("and verified", async () => {
    const folder = scratch();
    const file = weightsFile(folder);
    const { built, path, files } = await planned("w.bin", folder, file);
    weightsFile(folder, "w.bin", 10, 101);
    expect((await refusal(session(built, path, files))).code).toBe("model.changed");
  });

  it("and refused behind a link, which the engine does not follow", async () => {
    const [folder, elsewhere] = [scratch(), scratch()];
    const file = weightsFile(elsewhere, "blob");
    symlinkSync(file, join(folder, "w.bin"));
    const { built, path, files } = await planned("w.bin", folder, file);
    const error = await refusal(session(built, path, files));
    expect([error.code, error.message]).toEqual([
      "model.load-failed",
      expect.stringContaining("plain files"),
    ]);
    expect(dirname(file)).toBe(elsewhere);
  });
});
