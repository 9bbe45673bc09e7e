import { Field, FixedSizeList, Float32, Int64, List } from "apache-arrow";
import { expect, it } from "vitest";
import type { Signature, TensorSpec } from "../../../src/data/tensor.js";
import { ModelError } from "../../../src/errors.js";
import { type MappingOptions, resolveMapping } from "../../../src/mapping/resolve-mapping.js";
import { isSettled, settleMapping } from "../../../src/mapping/settle-mapping.js";
import type { Predictor } from "../../../src/runtimes/model.js";
import { batchOf, column } from "../../support/arrow-batches.js";
import { float32, int64, jobWith, schemaOf, signatureOf } from "../../support/jobs.js";

const tokens = { name: "ids", type: "int64", shape: ["batch", "sequence"] } as const;
const listOf = new List(new Field("item", new Int64(), true));

function options(signature: Signature, columns: Parameters<typeof schemaOf>[0]): MappingOptions {
  return { job: jobWith(), signature, schema: schemaOf(columns), guess: false };
}

/** Gives one value more than it takes, for each row; refuses rows that start with a 9, as a model might. */
function growing(signature: Signature): Predictor & { calls: number } {
  const predictor = {
    signature,
    calls: 0,
    async predict(inputs: Parameters<Predictor["predict"]>[0]) {
      predictor.calls++;
      const [tensor] = Object.values(inputs);
      const [rows = 0, width = 0] = tensor?.dims ?? [];
      if (Number(tensor?.data[0]) === 9) throw new ModelError("model.predict-failed", "nine");
      return {
        out: {
          type: "float32" as const,
          dims: [rows, width + 1],
          data: new Float32Array(rows * (width + 1)),
        },
      };
    },
    async close() {},
  };
  return predictor;
}

it("the first list that is there gives the length, one prediction the width", async () => {
  const signature = signatureOf([tokens], [{ name: "out", type: "float32", shape: ["batch", null] }]);
  const predictor = growing(signature);
  const open = options(signature, { ids: { kind: "list", item: int64 } });
  expect(isSettled(resolveMapping(open))).toBe(false);
  const batch = batchOf({ ids: column(listOf, [null, [9n, 1n, 1n], [1n, 2n, 3n], []]) });
  const mapping = await settleMapping(open, predictor, batch);
  expect(isSettled(mapping)).toBe(true);
  expect(mapping.inputs).toMatchObject([{ rowShape: [3] }]);
  expect(mapping.columns).toMatchObject([
    { name: "out", type: { kind: "fixed-list", item: float32, size: 4 } },
  ]);
  // Rows without a list can't be bound, and the model refused the first one that could.
  expect(predictor.calls).toBe(2);
});

it("lists of several lengths are refused with the longest one, the mask and constants of the model", async () => {
  const named = (name: string): TensorSpec => ({ ...tokens, name });
  const inputs = [named("input_ids"), named("attention_mask"), named("token_type_ids")];
  const columns = Object.fromEntries(
    inputs.map(({ name }) => [name, { kind: "list", item: int64 } as const]),
  );
  const signature = signatureOf(inputs, [{ name: "out", type: "float32", shape: ["batch", 1] }]);
  const lists = column(listOf, [[1n, 2n], [3n], null, [4n, 5n, 6n]]);
  const batch = batchOf(Object.fromEntries(inputs.map(({ name }) => [name, lists])));
  const error = await settleMapping(options(signature, columns), growing(signature), batch).catch((e) => e);
  expect(error).toMatchObject({ code: "mapping.list-lengths", details: { input: "input_ids", longest: 3 } });
  expect(error.hint).toContain("input_ids: { list: input_ids, pad_to: 3, mask: attention_mask }");
  expect(error.hint).toContain("token_type_ids: { value: 0 }");
});

it("an output that shares an input's dimension needs no prediction", async () => {
  const signature = signatureOf([tokens], [{ name: "out", type: "float32", shape: ["batch", "sequence"] }]);
  const predictor = growing(signature);
  const batch = batchOf({ ids: column(listOf, [[1n, 2n]]) });
  const mapping = await settleMapping(
    options(signature, { ids: { kind: "list", item: int64 } }),
    predictor,
    batch,
  );
  expect(mapping.outputs).toMatchObject([{ rowShape: [2] }]);
  expect(predictor.calls).toBe(0);
});

it("an empty input is settled with a row of zeros if the columns give the shape", async () => {
  const signature = signatureOf(
    [{ name: "v", type: "float32", shape: [null, null] }],
    [{ name: "out", type: "float32", shape: null }],
  );
  const fixed = options(signature, { v: { kind: "fixed-list", item: float32, size: 4 } });
  const mapping = await settleMapping(fixed, growing(signature), null);
  expect(mapping.outputs).toMatchObject([{ rowShape: [5] }]);
  const batch = batchOf({ v: column(new FixedSizeList(4, new Field("item", new Float32(), true)), []) });
  expect(await settleMapping(fixed, growing(signature), batch)).toEqual(mapping);
});

it("an empty input of lists of unknown length can't be settled, and `dim` is the way out", async () => {
  const signature = signatureOf([tokens], [{ name: "out", type: "float32", shape: ["batch", null] }]);
  const open = options(signature, { ids: { kind: "list", item: int64 } });
  await expect(settleMapping(open, growing(signature), null)).rejects.toMatchObject({
    code: "mapping.open-dimension",
    hint: expect.stringContaining("dim: <length>"),
  });
});

it("a model that takes none of the first rows is reported as such", async () => {
  const signature = signatureOf([tokens], [{ name: "out", type: "float32", shape: ["batch", null] }]);
  const refusing: Predictor = {
    ...growing(signature),
    predict: () => Promise.reject(new ModelError("model.predict-failed", "never")),
  };
  const batch = batchOf({ ids: column(listOf, [[1n]]) });
  await expect(
    settleMapping(options(signature, { ids: { kind: "list", item: int64 } }), refusing, batch),
  ).rejects.toMatchObject({
    code: "mapping.open-dimension",
    cause: expect.objectContaining({ message: "never" }),
  });
});

it("a constant in a dimension that nothing else has is distinguished from a list without rows", async () => {
  const signature = signatureOf([tokens, { name: "kinds", type: "int64", shape: ["batch", null] }]);
  const open = {
    ...options(signature, { ids: { kind: "list", item: int64 } }),
    job: jobWith({ features: { inputs: { kinds: { kind: "constant", value: 0 } } } }),
  };
  const batch = batchOf({ ids: column(listOf, [[1n, 2n]]) });
  await expect(settleMapping(open, growing(signature), batch)).rejects.toMatchObject({
    code: "mapping.open-dimension",
    message: 'input "kinds" has a dimension of no fixed size, and a constant has none of its own',
  });
});
