/** What every model runtime promises of each of its engines: a verified model, its signature, and a row's prediction that is its own. */
import { appendFileSync, copyFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Tensor, Tensors } from "../../src/data/tensor.js";
import type { Profile } from "../../src/job/profile.js";
import type { InspectedModel, ModelRuntime, Predictor } from "../../src/runtimes/model.js";
import { failure } from "../support/failure.js";
import { scratch } from "../support/scratch.js";

export interface KnownModel {
  /** Of a file that is not changed. */
  readonly path: string;
  readonly runtime: ModelRuntime;
  /** For the engine that is tested. */
  profileOf(model: InspectedModel): Profile;
  /** Rows that the training library has scored. */
  readonly inputs: Tensors;
  /** What it predicted, by output; equal to within `tolerance`. */
  readonly expected: { readonly [output: string]: readonly number[] };
  readonly tolerance: number;
}

type Numbers = readonly number[];

const numbersOf = (tensor: Tensor | undefined): Numbers => Array.from(tensor?.data ?? [], Number);
const rowsIn = (tensors: Tensors): number => Object.values(tensors)[0]?.dims[0] ?? 0;

/** Rows `from` to `to` of every tensor, in arrays of their own. */
function rowsOf(tensors: Tensors, from: number, to: number): Tensors {
  const entries = Object.entries(tensors).map(([name, { type, dims, data }]) => {
    const width = dims.slice(1).reduce((product, size) => product * size, 1);
    return [name, { type, dims: [to - from, ...dims.slice(1)], data: data.slice(from * width, to * width) }];
  });
  return Object.fromEntries(entries);
}

export function modelRuntimeConformance(name: string, open: () => Promise<KnownModel>): void {
  describe(`the model runtime ${name}`, () => {
    async function load(known: KnownModel, path = known.path): Promise<Predictor> {
      const model = await known.runtime.inspect(path, []);
      return known.runtime.load(model.assets, known.profileOf(model));
    }

    async function predict(predictor: Predictor, inputs: Tensors, { expected }: KnownModel) {
      const outputs = await predictor.predict(inputs, Object.keys(expected));
      return Object.fromEntries(
        Object.entries(outputs).map(([output, tensor]) => [output, numbersOf(tensor)]),
      );
    }

    function expectClose(found: { readonly [output: string]: Numbers }, known: KnownModel): void {
      for (const [output, values] of Object.entries(known.expected)) {
        expect(found[output]).toHaveLength(values.length);
        for (const [i, value] of values.entries())
          expect(Math.abs((found[output]?.[i] ?? Number.NaN) - value)).toBeLessThanOrEqual(known.tolerance);
      }
    }

    test("names inputs and outputs before it loads a model", async () => {
      const known = await open();
      const { signature, assets } = await known.runtime.inspect(known.path, []);
      expect(signature.inputs.map((input) => input.name)).toEqual(
        expect.arrayContaining(Object.keys(known.inputs)),
      );
      expect(signature.outputs.map((output) => output.name)).toEqual(
        expect.arrayContaining(Object.keys(known.expected)),
      );
      expect(assets).toMatchObject([
        { role: "model", path: known.path, size: readFileSync(known.path).byteLength },
      ]);
    });

    test("predicts what the training library predicts", async () => {
      const known = await open();
      const predictor = await load(known);
      expectClose(await predict(predictor, known.inputs, known), known);
      await predictor.close();
    });

    test("predicts the same of a row in batches of any size", async () => {
      const known = await open();
      const predictor = await load(known);
      const rows = rowsIn(known.inputs);
      const whole = await predict(predictor, known.inputs, known);
      for (const size of [1, 3, rows - 1]) {
        const parts: { [output: string]: number[] } = {};
        for (let row = 0; row < rows; row += size) {
          const part = await predict(predictor, rowsOf(known.inputs, row, Math.min(row + size, rows)), known);
          for (const [output, values] of Object.entries(part))
            parts[output] = [...(parts[output] ?? []), ...values];
        }
        for (const [output, values] of Object.entries(whole))
          expect(parts[output]).toEqual(values.map((value) => expect.closeTo(value, 5)));
      }
      await predictor.close();
    });

    test("predicts for several at once, each with its own numbers", async () => {
      const known = await open();
      const predictors = await Promise.all([load(known), load(known), load(known)]);
      const found = await Promise.all(predictors.map((predictor) => predict(predictor, known.inputs, known)));
      for (const each of found) expectClose(each, known);
      await Promise.all(predictors.map((predictor) => predictor.close()));
    });

    test("keeps no input and changes none", async () => {
      const known = await open();
      const predictor = await load(known);
      const before = JSON.stringify(Object.values(known.inputs).map(numbersOf));
      const inputs = rowsOf(known.inputs, 0, rowsIn(known.inputs));
      await predict(predictor, inputs, known);
      expect(JSON.stringify(Object.values(inputs).map(numbersOf))).toBe(before);
      for (const { data } of Object.values(inputs)) if (!Array.isArray(data)) (data as Float32Array).fill(0);
      expectClose(await predict(predictor, known.inputs, known), known);
      await predictor.close();
    });

    test("fetches only outputs that are asked for", async () => {
      const known = await open();
      const predictor = await load(known);
      const [first = ""] = Object.keys(known.expected);
      expect(Object.keys(await predictor.predict(known.inputs, [first]))).toEqual([first]);
      await predictor.close();
    });

    test("predicts nothing for no rows", async () => {
      const known = await open();
      const predictor = await load(known);
      const outputs = await predictor.predict(rowsOf(known.inputs, 0, 0));
      expect(Object.keys(outputs).sort()).toEqual(
        predictor.signature.outputs.map((output) => output.name).sort(),
      );
      for (const { dims, data } of Object.values(outputs)) expect([dims[0], data.length]).toEqual([0, 0]);
      await predictor.close();
    });

    test("says without values of rows that an input has another type", async () => {
      const known = await open();
      const predictor = await load(known);
      const wrong = Object.fromEntries(
        Object.entries(known.inputs).map(([input, { dims }]) => [
          input,
          {
            type: "string",
            dims,
            data: Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => "s3cret"),
          },
        ]),
      ) as Tensors;
      const error = await failure(predictor.predict(wrong));
      expect(error.kind).toBe("model");
      expect(error.message).not.toContain("s3cret");
      expectClose(await predict(predictor, known.inputs, known), known);
      await predictor.close();
    });

    test("loads nothing but the bytes that were inspected", async () => {
      const known = await open();
      const path = join(scratch(), "model.onnx");
      copyFileSync(known.path, path);
      const model = await known.runtime.inspect(path, []);
      appendFileSync(path, Uint8Array.of(0x32, 0x01, 0x78));
      expect((await failure(known.runtime.load(model.assets, known.profileOf(model)))).code).toBe(
        "model.changed",
      );
      rmSync(path);
      expect((await failure(known.runtime.load(model.assets, known.profileOf(model)))).kind).toBe("model");
    });

    test("refuses files that are no whole model", async () => {
      const known = await open();
      const path = join(scratch(), "model.onnx");
      copyFileSync(known.path, path);
      truncateSync(path, Math.floor(readFileSync(path).byteLength / 2));
      expect((await failure(load(known, path))).kind).toBe("model");
      writeFileSync(path, "");
      expect((await failure(load(known, path))).kind).toBe("model");
      expect((await failure(load(known, join(scratch(), "none.onnx")))).kind).toMatch(/model|spec/);
    });

    test("refuses another version of its engine, and a provider that is not here", async () => {
      const known = await open();
      const model = await known.runtime.inspect(known.path, []);
      const profile = known.profileOf(model);
      const other = known.runtime.load(model.assets, { ...profile, engineVersion: "0.0.1" });
      expect((await failure(other)).code).toBe("model.engine-mismatch");
      const elsewhere = known.runtime.load(model.assets, { ...profile, provider: "qnn" });
      expect((await failure(elsewhere)).code).toBe("model.provider-mismatch");
    });

    test("is closed more than once without harm", async () => {
      const known = await open();
      const predictor = await load(known);
      await predictor.close();
      await predictor.close();
    });
  });
}
