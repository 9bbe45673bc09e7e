import { describe, expect, it } from "vitest";
import type { Tensors } from "../../../src/data/tensor.js";
import { ModelError } from "../../../src/errors.js";
import { probeRows } from "../../../src/planning/probing/probe-rows.js";
import type { Predictor } from "../../../src/runtimes/model.js";
import { range, signatureOf } from "../../support/jobs.js";

const clock = { monotonicMs: () => 0 };
const signature = signatureOf(
  [{ name: "x", type: "float32", shape: ["N", 2] }],
  [{ name: "y", type: "float32", shape: ["N", 1] }],
);

/** Each row's `y` from all rows of the call; throws as the engine does for an empty call. */
function model(score: (rows: readonly (readonly number[])[]) => readonly number[] | null): Predictor {
  return {
    signature,
    async predict({ x }: Tensors) {
      const [count = 0] = x?.dims ?? [];
      const rows = range(count).map((row) => [Number(x?.data[2 * row]), Number(x?.data[2 * row + 1])]);
      const scores = score(rows);
      if (scores === null) throw new ModelError("model.predict-failed", "Reshape: cannot");
      return { y: { type: "float32", dims: [count, 1], data: Float32Array.from(scores) } };
    },
    async close() {},
  };
}

async function verdictOf(predictor: Predictor, provider = "cpu", rows = 29) {
  const data = Float32Array.from(range(rows * 2).map((cell) => Math.sin(cell * 7.3) * 3));
  const sample = {
    tensors: { x: { type: "float32" as const, dims: [rows, 2], data } },
    rows,
    varied: 0,
    from: [],
  };
  return probeRows(sample, { predictor, outputs: ["y"], clock, signature, provider });
}

const sum = (row: readonly number[]): number => row.reduce((total, value) => total + value, 0);

describe("rows are independent", () => {
  it("where each gives the same in every batch", async () => {
    const { verdict, batches, outputs } = await verdictOf(model((rows) => rows.map(sum)));
    expect(verdict).toEqual({ rows: "independent" });
    expect(new Set(batches)).toEqual(new Set([1, 5, 29]));
    expect(outputs?.y?.dims).toEqual([29, 1]);
  });

  it("where kernels round otherwise in another batch, and where a prediction is NaN", async () => {
    const noisy = model((rows) =>
      rows.map((row, at) => (at === 3 ? Number.NaN : sum(row) * (1 + rows.length * 1e-7))),
    );
    // Row 3 is NaN by its place, which no probe may take for noise.
    expect((await verdictOf(noisy)).verdict.rows).toBe("dependent");
    const quiet = model((rows) =>
      rows.map((row) => (sum(row) > 3 ? Number.NaN : sum(row) * (1 + rows.length * 1e-7))),
    );
    expect((await verdictOf(quiet)).verdict.rows).toBe("independent");
  });

  it("where some rows fail alone and together: the others are compared", async () => {
    const { verdict, working } = await verdictOf(
      model((rows) => (rows.some((row) => sum(row) > 4) ? null : rows.map(sum))),
    );
    expect(verdict.rows).toBe("independent");
    expect(working.length).toBeLessThan(29);
  });
});

it("a step of dynamic quantisation is no noise", async () => {
  const quantised = model((rows) => {
    const step = Math.max(...rows.flat().map(Math.abs)) / 127;
    return rows.map((row) => sum(row.map((value) => Math.round(value / step) * step)));
  });
  expect((await verdictOf(quantised)).verdict).toMatchObject({ rows: "dependent", by: "batch" });
});

it("softmax over rows, and rows that are steps of time, are distinguished", async () => {
  const softmax = model((rows) => {
    const total = rows.reduce((all, row) => all + Math.exp(sum(row)), 0);
    return rows.map((row) => Math.exp(sum(row)) / total);
  });
  expect((await verdictOf(softmax)).verdict).toMatchObject({ rows: "dependent", by: "batch" });
  let state = 0;
  const recurrent = model((rows) => {
    state = 0;
    return rows.map((row) => (state = 0.5 * state + sum(row)));
  });
  expect((await verdictOf(recurrent)).verdict).toMatchObject({ rows: "dependent", by: "earlier-rows" });
  expect((await verdictOf(recurrent, "cpu", 2)).verdict.rows).toBe("dependent");
});

it("a model that needs several rows is dependent", async () => {
  const several = model((rows) => (rows.length < 2 ? null : rows.map(sum)));
  expect((await verdictOf(several)).verdict.rows).toBe("dependent");
});

it("other numbers for the same call are noticed to the last bit on a CPU, and within noise elsewhere", async () => {
  let calls = 0;
  const drifting = model((rows) => rows.map((row) => sum(row) + ++calls * 1e-6));
  expect((await verdictOf(drifting)).verdict.rows).toBe("not-deterministic");
  expect((await verdictOf(drifting, "webgpu")).verdict.rows).toBe("independent");
});

it("a batch that is frozen inside is found, of one and of more", async () => {
  const one = await verdictOf(model((rows) => (rows.length === 1 ? rows.map(sum) : null)));
  expect(one.verdict.rows).toBe("one-at-a-time");
  expect(one.working).toHaveLength(29);
  expect(one.outputs?.y?.dims).toEqual([1, 1]);
  const more = await verdictOf(model((rows) => (rows.length === 32 ? rows.map(sum) : null)));
  expect(more.verdict).toMatchObject({ rows: "frozen-batch", batch: 32 });
});

it("a model that takes no row at all is not judged", async () => {
  const { verdict, outputs } = await verdictOf(model(() => null));
  expect(verdict.rows).toBe("untried");
  expect(outputs).toBeNull();
});

it("a slow model is tried on few rows", async () => {
  let now = 0;
  const slow = model((rows) => {
    now += 30 * rows.length;
    return rows.map(sum);
  });
  const data = Float32Array.from(range(58).map((cell) => cell));
  const sample = {
    tensors: { x: { type: "float32" as const, dims: [29, 2], data } },
    rows: 29,
    varied: 0,
    from: [],
  };
  const options = { predictor: slow, outputs: ["y"], signature, provider: "cpu" };
  const { verdict } = await probeRows(sample, { ...options, clock: { monotonicMs: () => now } });
  expect(verdict.rows).toBe("independent");
  expect(now).toBeLessThanOrEqual(1000);
});
