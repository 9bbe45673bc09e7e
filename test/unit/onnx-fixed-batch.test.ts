import { describe, expect, it } from "vitest";
import type { Tensor } from "../../src/data/tensor.js";
import { joinRows, padRows, sliceRows } from "../../src/runtimes/onnx/fixed-batch.js";

const numbers: Tensor = { type: "float32", dims: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) };
const long: Tensor = { type: "int64", dims: [2], data: BigInt64Array.of(9007199254740993n, 2n) };
const words: Tensor = { type: "string", dims: [2, 2], data: ["a", "b", "c", "d"] };

describe("slicing rows", () => {
  it("gives a view of numbers", () => {
    const slice = sliceRows(numbers, 1, 3);
    expect(slice).toEqual({ type: "float32", dims: [2, 2], data: Float32Array.of(3, 4, 5, 6) });
    expect((slice.data as Float32Array).buffer).toBe((numbers.data as Float32Array).buffer);
  });

  it("works on strings", () => {
    expect(sliceRows(words, 1, 2)).toEqual({ type: "string", dims: [1, 2], data: ["c", "d"] });
  });
});

describe("padding rows", () => {
  it("repeats the last row", () => {
    expect(padRows(numbers, 5)).toEqual({
      type: "float32",
      dims: [5, 2],
      data: Float32Array.of(1, 2, 3, 4, 5, 6, 5, 6, 5, 6),
    });
  });

  it("keeps integers exact", () => {
    expect(padRows({ ...long, dims: [1], data: BigInt64Array.of(9007199254740993n) }, 2).data).toEqual(
      BigInt64Array.of(9007199254740993n, 9007199254740993n),
    );
  });

  it("repeats strings", () => {
    expect(padRows(words, 4)).toEqual({
      type: "string",
      dims: [4, 2],
      data: ["a", "b", "c", "d", "c", "d", "c", "d"],
    });
  });

  it("leaves a full batch alone", () => {
    expect(padRows(numbers, 3)).toBe(numbers);
  });
});

describe("joining rows", () => {
  it("puts parts of different lengths below one another", () => {
    const parts = [{ y: numbers, z: long, w: words }, sliced(1)];
    expect(joinRows(parts)).toEqual({
      y: { type: "float32", dims: [4, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6, 1, 2) },
      z: { type: "int64", dims: [3], data: BigInt64Array.of(9007199254740993n, 2n, 9007199254740993n) },
      w: { type: "string", dims: [3, 2], data: ["a", "b", "c", "d", "a", "b"] },
    });
  });

  function sliced(rows: number) {
    return { y: sliceRows(numbers, 0, rows), z: sliceRows(long, 0, rows), w: sliceRows(words, 0, rows) };
  }
});
