import { describe, expect, it } from "vitest";
import { CancelledError, InfraError, ModelError } from "../../../src/errors.js";
import type { Predictor } from "../../../src/runtimes/model.js";
import { bisect } from "../../../src/scoring/bisect.js";
import { createRowPredictor, type PredictedRows } from "../../../src/scoring/predict-rows.js";
import type { Failure } from "../../../src/scoring/row-failures.js";
import { range, seeded } from "../../support/jobs.js";
import { scriptedPredictor } from "../../support/scripted-predictor.js";

const place = { file: "/data/a.parquet", firstRow: 1000 };
const calm = new AbortController().signal;
const unbound: Failure = { reason: "null_value", message: 'column "a" is null' };

/** Rows 0, 1, … with two features each: the row's number and 0.5. */
function boundRows(rows: number, failed: readonly number[] = []) {
  const data = Float32Array.from(range(rows * 2).map((cell) => (cell % 2 === 0 ? cell / 2 : 0.5)));
  return {
    tensors: { x: { type: "float32" as const, dims: [rows, 2], data } },
    failures: new Map(failed.map((row) => [row, unbound])),
  };
}

function predict(predictor: Predictor, rows: number, failed: readonly number[] = []): Promise<PredictedRows> {
  return createRowPredictor(predictor).predict(boundRows(rows, failed), rows, place, calm);
}

function scores({ outputs }: PredictedRows): readonly number[] {
  return [...(outputs?.score?.data ?? [])] as number[];
}

it("rows that pass are predicted in one call", async () => {
  const predictor = scriptedPredictor();
  const predicted = await predict(predictor, 4);
  expect(scores(predicted)).toEqual([0.5, 1.5, 2.5, 3.5]);
  expect(predicted.failures.size).toBe(0);
  expect(predictor.shapes).toEqual([[4, 2]]);
});

it("exactly the planted rows are found, the others keep their predictions, the shape never changes", async () => {
  const random = seeded(11);
  for (let round = 0; round < 40; round++) {
    const rows = 1 + Math.floor(random() * 300);
    const share = random() * 0.4;
    const failed = range(rows).filter(() => random() < 0.1);
    const bad = new Set(range(rows).filter((row) => row !== 0 && random() < share));
    const predictor = scriptedPredictor((value) => bad.has(value));
    const predicted = await predict(predictor, rows, failed).catch((error: unknown) => {
      // Row 0 passes unless binding failed it, so only batches without any passing row may end here.
      expect(range(rows).every((row) => bad.has(row) || failed.includes(row))).toBe(true);
      expect(error).toBeInstanceOf(ModelError);
      return null;
    });
    if (predicted === null) continue;
    const expected = range(rows).filter((row) => bad.has(row) || failed.includes(row));
    expect([...predicted.failures.keys()].sort((a, b) => a - b)).toEqual(expected);
    for (const row of range(rows))
      if (!expected.includes(row)) expect(scores(predicted)[row]).toBe(row + 0.5);
    for (const shape of predictor.shapes) expect(shape).toEqual([rows, 2]);
  }
});

it("one bad row among many takes about two calls for each halving", async () => {
  const predictor = scriptedPredictor((value) => value === 777);
  const { failures } = await predict(predictor, 2048);
  expect([...failures.keys()]).toEqual([777]);
  expect(failures.get(777)).toEqual({
    reason: "predict_failed",
    message: "the model fails on this row: an index is out of bounds",
  });
  expect(predictor.shapes.length).toBeLessThan(2 * Math.log2(2048) + 8);
});

it("rows that binding failed are never shown to the model, and the bound tensors are left as they were", async () => {
  const predictor = scriptedPredictor((value) => value === 2);
  const bound = boundRows(4, [2]);
  const before = bound.tensors.x.data.slice();
  const predicted = await createRowPredictor(predictor).predict(bound, 4, place, calm);
  expect([...predicted.failures]).toEqual([[2, unbound]]);
  expect(scores(predicted)).toEqual([0.5, 1.5, 0.5, 3.5]);
  expect(bound.tensors.x.data).toEqual(before);
});

it("without a row that binding passed, the model is not called", async () => {
  const predictor = scriptedPredictor();
  const predicted = await predict(predictor, 3, [0, 1, 2]);
  expect(predicted).toMatchObject({ outputs: null });
  expect(predictor.shapes).toEqual([]);
});

describe("when every row fails", () => {
  it("the model is to blame, and the error says where", async () => {
    const error = await predict(
      scriptedPredictor(() => true),
      500,
    ).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ModelError);
    expect(error).toMatchObject({
      code: "model.predict-failed",
      message:
        "the model fails on every row that was tried, in /data/a.parquet from row 1000: an index is out of bounds",
    });
  });

  it("it takes a handful of calls to say so", async () => {
    const predictor = scriptedPredictor(() => true);
    await predict(predictor, 4096).catch(() => {});
    expect(predictor.shapes.length).toBeLessThan(12);
  });

  it("the rows are to blame where the model has scored another row of the partition", async () => {
    let broken = false;
    const rows = createRowPredictor(scriptedPredictor((value) => broken && value >= 100));
    await rows.predict(boundRows(50), 50, place, calm);
    broken = true;
    const late = boundRows(20);
    late.tensors.x.data.forEach((value, cell) => {
      if (cell % 2 === 0) late.tensors.x.data[cell] = value + 100;
    });
    const { outputs, failures } = await rows.predict(late, 20, place, calm);
    expect(outputs).toBeNull();
    expect(failures.size).toBe(20);
  });

  it("the only row there is, is to blame where the model takes a row of zeros", async () => {
    const lonely = boundRows(1);
    lonely.tensors.x.data[0] = 9;
    const rows = createRowPredictor(scriptedPredictor((value) => value === 9));
    const { failures } = await rows.predict(lonely, 1, place, calm);
    expect([...failures.keys()]).toEqual([0]);
  });
});

it("a model that fails on rows together, but on none alone, is to blame", async () => {
  const together: Predictor = {
    ...scriptedPredictor(),
    async predict({ x }) {
      if (new Set(x?.data as Float32Array).size > 2)
        throw new ModelError("model.predict-failed", "not together");
      return { score: { type: "float32", dims: [4, 1], data: new Float32Array(4) } };
    },
  };
  await expect(predict(together, 4)).rejects.toMatchObject({ code: "model.predict-failed" });
});

it("what is not the rows' fault goes through", async () => {
  const oom: Predictor = {
    ...scriptedPredictor(),
    predict: () => Promise.reject(new InfraError("infra.out-of-memory", "memory ran out")),
  };
  await expect(predict(oom, 4)).rejects.toMatchObject({ code: "infra.out-of-memory" });
});

it("bisection stops when it is asked to", async () => {
  const stop = new AbortController();
  const predictor = scriptedPredictor((value) => {
    if (predictor.shapes.length === 5) stop.abort();
    return value % 2 === 1;
  });
  const running = createRowPredictor(predictor).predict(boundRows(64), 64, place, stop.signal);
  await expect(running).rejects.toBeInstanceOf(CancelledError);
  expect(predictor.shapes).toHaveLength(5);
});

it("bisect finds every subset of six", async () => {
  for (let subset = 0; subset < 64; subset++) {
    const bad = range(6).filter((row) => subset & (1 << row));
    const found = await bisect(range(6), async (rows) =>
      rows.some((row) => bad.includes(row)) ? "bad" : null,
    );
    expect([...found.keys()]).toEqual(bad);
  }
});
