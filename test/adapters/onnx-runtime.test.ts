import { spawnSync } from "node:child_process";
import { copyFileSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Tensor, TensorData, TensorType } from "../../src/data/tensor.js";
import { failure } from "../support/failure.js";
import { floats, identity, integers, model, node, types, value } from "../support/onnx-models.js";
import { loaded, loadedModel, profile, runtime, writeModel } from "../support/onnx-run.js";
import { linux, needs } from "../support/places.js";
import { scratch } from "../support/scratch.js";

const flights = new URL("../../fixtures/models/flight-delay.onnx", import.meta.url).pathname;

const column = (type: TensorType, data: TensorData): Tensor => ({ type, dims: [data.length], data });
const matrix = (rows: number, width: number, ...data: number[]): Tensor => ({
  type: "float32",
  dims: [rows, width],
  data: Float32Array.from(data),
});

/** Must be the first test of this file: it looks at what the process has loaded. */
it("inspecting loads no native library", async (context) => {
  needs(context, linux());
  const engineIsLoaded = () => readFileSync("/proc/self/maps", "utf8").includes("libonnxruntime");
  const { assets } = await runtime.inspect(flights, []);
  expect(engineIsLoaded()).toBe(false);
  await runtime.load(assets, profile);
  expect(engineIsLoaded()).toBe(true);
});

describe("values", () => {
  it.each([
    ["FLOAT", column("float32", Float32Array.of(1.5, Number.NaN))],
    ["DOUBLE", column("float64", Float64Array.of(0.1, 1e300))],
    ["FLOAT16", column("float16", Uint16Array.of(0x3c00, 0x7bff))],
    ["INT8", column("int8", Int8Array.of(-128, 127))],
    ["INT16", column("int16", Int16Array.of(-32768, 32767))],
    ["INT32", column("int32", Int32Array.of(-2147483648, 2147483647))],
    ["INT64", column("int64", BigInt64Array.of(9007199254740993n, -9223372036854775808n))],
    ["UINT8", column("uint8", Uint8Array.of(0, 255))],
    ["UINT16", column("uint16", Uint16Array.of(0, 65535))],
    ["UINT32", column("uint32", Uint32Array.of(0, 4294967295))],
    ["UINT64", column("uint64", BigUint64Array.of(0n, 18446744073709551615n))],
    ["BOOL", column("bool", Uint8Array.of(1, 0))],
    ["STRING", column("string", ["", "nächtlich ☾"])],
  ] as const)("of type %s go through unharmed", async (type, tensor) => {
    const predictor = await loadedModel(identity(types[type], ["N"]));
    expect(await predictor.predict({ x: tensor })).toEqual({ y: tensor });
  });

  it("are taken from a view into a larger buffer", async () => {
    const predictor = await loadedModel(identity(types.FLOAT, ["N", 2]));
    const data = Float32Array.of(9, 9, 1, 2, 3, 4, 9).subarray(2, 6);
    const { y } = await predictor.predict({ x: { type: "float32", dims: [2, 2], data } });
    expect(y?.data).toEqual(Float32Array.of(1, 2, 3, 4));
  });

  it("of type float16 are taken from a view too", async () => {
    const predictor = await loadedModel(identity(types.FLOAT16, ["N"]));
    const data = Uint16Array.of(1, 2, 0x3c00, 0x4000).subarray(2);
    const { y } = await predictor.predict({ x: column("float16", data) });
    expect(y?.data).toEqual(Uint16Array.of(0x3c00, 0x4000));
  });

  it("for no rows at all need no call of the engine", async () => {
    const predictor = await loaded(flights);
    const outputs = await predictor.predict({
      float_input: matrix(0, 3),
      origin: { type: "string", dims: [0, 1], data: [] },
    });
    expect(outputs).toEqual({
      output_label: { type: "int64", dims: [0], data: new BigInt64Array() },
      output_probability: { type: "float32", dims: [0, 2], data: new Float32Array() },
    });
  });
});

describe("a fixed batch", () => {
  const doubled = (batch: number) =>
    loadedModel(
      model({
        node: [
          node({ op: "Add", in: ["x", "x"], out: ["y"] }),
          node({ op: "Identity", in: ["s"], out: ["t"] }),
        ],
        input: [value("x", types.FLOAT, [batch, 1]), value("s", types.STRING, [batch])],
        output: [value("y", types.FLOAT, [batch, 1]), value("t", types.STRING, [batch])],
      }),
    );

  it.each([1, 3, 4, 5, 9])("of 4 scores %i rows", async (rows) => {
    const predictor = await doubled(4);
    const data = Float32Array.from({ length: rows }, (_, i) => i);
    const words = Array.from({ length: rows }, (_, i) => `row ${i}`);
    const outputs = await predictor.predict({
      x: { type: "float32", dims: [rows, 1], data },
      s: column("string", words),
    });
    expect(outputs).toEqual({
      y: { type: "float32", dims: [rows, 1], data: data.map((x) => x + x) },
      t: column("string", words),
    });
  });
});

describe("a model that does not give one result a row", () => {
  it("is refused with the shape it gave", async () => {
    const predictor = await loadedModel(
      model({
        node: [node({ op: "ReduceMean", in: ["x"], out: ["y"], with: { axes: [0n] } })],
        input: [value("x", types.FLOAT, ["N", 2])],
        output: [value("y", types.FLOAT, [1, 2])],
      }),
    );
    const error = await failure(predictor.predict({ x: matrix(3, 2, 1, 2, 3, 4, 5, 6) }));
    expect(error.code).toBe("model.batch-mismatch");
    expect(error.message).toContain('output "y" has the shape [1, 2] for 3 rows');
  });
});

describe("inputs that do not fit", () => {
  it.each([
    ["a missing one", {}, "model.input-mismatch", '"x" is missing'],
    [
      "one of another type",
      { x: column("float64", Float64Array.of(1)) },
      "model.input-mismatch",
      "is float64, and the model takes float32",
    ],
    [
      "one too many, which the engine would ignore",
      { x: matrix(1, 2, 1, 2), z: matrix(1, 2, 1, 2) },
      "model.input-mismatch",
      '"z" is not an input of the model',
    ],
    ["another width", { x: matrix(1, 3, 1, 2, 3) }, "model.predict-failed", "Got: 3 Expected: 2"],
    ["values that do not fill the shape", { x: matrix(2, 2, 1, 2) }, "bug", "shape [2, 2] holds 2 values"],
    [
      "shared memory",
      { x: { ...matrix(1, 2), data: new Float32Array(new SharedArrayBuffer(8)) } },
      "bug",
      "shared memory",
    ],
  ] as const)("%s", async (_, inputs, code, message) => {
    const predictor = await loadedModel(identity(types.FLOAT, ["N", 2]));
    const error = await failure(predictor.predict(inputs));
    expect([error.code, error.message]).toEqual([code, expect.stringContaining(message)]);
  });

  it("differing numbers of rows", async () => {
    const predictor = await loaded(flights);
    const error = await failure(
      predictor.predict({
        float_input: matrix(2, 3, 1, 2, 3, 4, 5, 6),
        origin: { type: "string", dims: [1, 1], data: ["ATL"] },
      }),
    );
    expect(error.message).toContain("differ in their number of rows");
  });
});

describe("a failing row", () => {
  const lookUp = () =>
    loadedModel(
      model({
        node: [node({ op: "Gather", in: ["table", "x"], out: ["y"] })],
        input: [value("x", types.INT64, ["N"])],
        output: [value("y", types.FLOAT, ["N", 1])],
        initializer: [floats("table", [3, 1], [1, 2, 3])],
      }),
    );

  it("is reported without its values", async () => {
    const predictor = await lookUp();
    const error = await failure(predictor.predict({ x: column("int64", BigInt64Array.of(1n, 987n)) }));
    expect(error.code).toBe("model.predict-failed");
    expect(error.message).toContain("Gather: indices element out of data bounds");
    expect(error.message).not.toContain("987");
  });

  it("is reported with the shapes that it is about, unless they are a row's values", async () => {
    const frozen = await loadedModel(
      model({
        node: [node({ op: "Reshape", in: ["x", "shape"], out: ["y"] })],
        input: [value("x", types.FLOAT, ["N", 3])],
        output: [value("y", types.FLOAT, ["N", 3])],
        initializer: [integers("shape", [1n, 3n])],
      }),
    );
    const data = new Float32Array(21);
    const error = await failure(frozen.predict({ x: { type: "float32", dims: [7, 3], data } }));
    expect(error.message).toContain("{7,3}");
    expect(error.message).toContain("{1,3}");
    const told = await loadedModel(
      model({
        node: [
          node({ op: "Squeeze", in: ["x", "axes"], out: ["flat"] }),
          node({ op: "Reshape", in: ["x", "flat"], out: ["y"] }),
        ],
        input: [value("x", types.INT64, ["N", 1])],
        output: [value("y", types.INT64, null)],
        initializer: [integers("axes", [1n])],
      }),
    );
    const values = { type: "int64" as const, dims: [2, 1], data: BigInt64Array.of(987n, 6n) };
    const silent = await failure(told.predict({ x: values }));
    expect(silent.message).toContain("requested shape");
    expect(silent.message).not.toContain("987");
  });

  it("says in words that a text is no number", async () => {
    const predictor = await loadedModel(
      model({
        node: [node({ op: "Cast", in: ["x"], out: ["y"], with: { to: 1n } })],
        input: [value("x", types.STRING, ["N"])],
        output: [value("y", types.FLOAT, ["N"])],
      }),
    );
    const error = await failure(predictor.predict({ x: column("string", ["1.5", "secret"]) }));
    expect(error.message).toMatch(/Cast: a text is not a number$/);
  });

  it("does not spoil the session", async () => {
    const predictor = await lookUp();
    await failure(predictor.predict({ x: column("int64", BigInt64Array.of(9n)) }));
    const { y } = await predictor.predict({ x: column("int64", BigInt64Array.of(2n)) });
    expect(y?.data).toEqual(Float32Array.of(3));
  });
});

describe("pinned assets", () => {
  it("name the file behind a link, with its size and digest", async () => {
    const link = join(scratch(), "latest.onnx");
    symlinkSync(flights, link);
    const { assets } = await runtime.inspect(link, []);
    expect(assets).toEqual([
      { role: "model", path: flights, size: 4440, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
    ]);
  });

  it.each([
    [
      "one byte differs",
      (path: string) => writeFileSync(path, readFileSync(path).fill(1, 2000, 2001)),
      /^its contents are not the same, their SHA-256 is [0-9a-f]{64}$/,
    ],
    ["it was cut short", (path: string) => truncateSync(path, 3000), /^it had 4440 bytes and now has 3000$/],
    ["it is gone", (path: string) => rmSync(path), /^it is gone$/],
  ] as const)("are refused when %s", async (_, damage, how) => {
    const path = join(scratch(), "model.onnx");
    copyFileSync(flights, path);
    const { assets } = await runtime.inspect(path, []);
    damage(path);
    const error = await failure(runtime.load(assets, profile));
    expect(error.code).toBe("model.changed");
    const [what, ...hows] = error.message.split(": ");
    expect(what).toBe(`${path} changed after the run was planned`);
    expect(hows.join(": ")).toMatch(how);
  });
});

describe("a profile that this worker can't honour", () => {
  it("is refused for another version of the engine", async () => {
    const { assets } = await runtime.inspect(flights, []);
    const error = await failure(runtime.load(assets, { ...profile, engineVersion: "1.2.3" }));
    expect(error.code).toBe("model.engine-mismatch");
    expect(error.message).toContain("1.2.3");
  });

  it("is refused for a provider that is not here, instead of running on another", async () => {
    const { assets } = await runtime.inspect(flights, []);
    const error = await failure(runtime.load(assets, { ...profile, provider: "qnn" }));
    expect(error.code).toBe("model.provider-mismatch");
  });
});

it("the engine's warnings stay off stderr", () => {
  const entry = new URL("../../dist/runtimes/onnx/onnx-runtime.js", import.meta.url);
  const lightgbm = new URL("../../fixtures/models/w1-lightgbm.onnx", import.meta.url).pathname;
  // Its labels are declared as [1]: the engine warns at every other number of rows.
  const script = `
    import { onnxRuntime } from ${JSON.stringify(entry.href)};
    const runtime = onnxRuntime();
    const { assets } = await runtime.inspect(${JSON.stringify(lightgbm)}, []);
    const predictor = await runtime.load(assets, ${JSON.stringify(profile)});
    await predictor.predict({ input: { type: "float32", dims: [5, 28], data: new Float32Array(140) } });
    await predictor.predict({ input: { type: "float32", dims: [5, 27], data: new Float32Array(135) } }).catch(() => {});
    console.log("done");`;
  const ran = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  expect([ran.stdout, ran.stderr]).toEqual(["done\n", ""]);
});

describe("a model that can't be loaded", () => {
  const inspectAndLoad = async (path: string) => {
    const { assets } = await runtime.inspect(path, []);
    await runtime.load(assets, profile);
  };
  const x = value("x", types.FLOAT, ["N", 3]);
  const y = value("y", types.FLOAT, ["N", 3]);
  const imports = (domain: string, version: bigint) => ({
    opsetImport: [{ domain: "", version: 13n }, ...(domain === "" ? [] : [{ domain, version }])],
  });

  it.each([
    ["a newer IR", model({ ...identity(types.FLOAT, ["N"]).graph }, { irVersion: 50n }), "IR version is 50"],
    [
      "a newer opset",
      model({ ...identity(types.FLOAT, ["N"]).graph }, { opsetImport: [{ domain: "", version: 99n }] }),
      "uses opset 99 of ai.onnx, and ONNX Runtime 1.30.0 knows up to 26",
    ],
    [
      "a custom operator",
      model(
        {
          node: [node({ op: "Fancy", domain: "acme.ops", in: ["x"], out: ["y"] })],
          input: [x],
          output: [y],
        },
        imports("acme.ops", 1n),
      ),
      "uses the operator Fancy of acme.ops",
    ],
    [
      "an operator that its opset lacks",
      model({ node: [node({ op: "Fancy", in: ["x"], out: ["y"] })], input: [x], output: [y] }),
      "no operator Fancy in the opset 13",
    ],
    [
      "a value from nowhere",
      model({ node: [node({ op: "Add", in: ["x", "w"], out: ["y"] })], input: [x], output: [y] }),
      "Node input 'w' is not a graph input",
    ],
  ])("for %s says so", async (_, built, reason) => {
    const path = writeModel(built);
    const error = await failure(inspectAndLoad(path));
    expect(error.code).toBe("model.load-failed");
    expect(error.message).toContain(reason);
    expect(error.message).toContain(path);
    expect(error.message).not.toMatch(/onnxruntime_src|\.cc:/);
  });

  it.each([
    ["cut short", readFileSync(flights).subarray(0, 3000)],
    ["text", new TextEncoder().encode("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")],
    ["empty", new Uint8Array()],
  ])("for being %s is refused while it is inspected", async (_, bytes) => {
    const error = await failure(runtime.inspect(writeModel(bytes), []));
    expect(error.code).toBe("model.load-failed");
    expect(error.message).toContain("is not a readable ONNX model");
  });

  it("for not being there is a wrong path, not a wrong model", async () => {
    const error = await failure(runtime.inspect("/nowhere/model.onnx", []));
    expect([error.kind, error.code]).toEqual(["spec", "model.not-found"]);
  });

  it("because it is a folder is reported so", async () => {
    const error = await failure(runtime.inspect(scratch(), []));
    expect([error.kind, error.code]).toEqual(["spec", "model.not-a-file"]);
  });
});
