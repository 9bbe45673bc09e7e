import { describe, expect, test } from "vitest";
import { decodeLine, encodeLine } from "../../src/ledgers/journal/line.js";
import { readLines } from "../../src/ledgers/journal/read-lines.js";
import { all } from "../conformance/ledger.js";
import { simulatedDisk } from "../support/simulated-disk.js";

/** A line of exactly this number of bytes, newline included. */
function lineOf(bytes: number, name = ""): string {
  const padding = bytes - encodeLine({ name, fill: "" }).length;
  return encodeLine({ name, fill: "x".repeat(padding) });
}

async function read(contents: string | Uint8Array, start = 0, end: number | null = null) {
  const disk = simulatedDisk().view();
  const file = await disk.create("/file");
  await file.append(contents);
  return all(readLines(disk, "/file", { start, end }));
}

const sizes = [100, 16 * 1024, 16 * 1024 + 1, 64 * 1024, 3 * 1024 * 1024];

test.each(sizes)("lines of %d bytes come one by one, wherever the file is cut into chunks", async (size) => {
  const contents = ["a", "b", "c"].map((name) => lineOf(size, name)).join("");
  const lines = await read(contents);
  expect(lines.map(({ body }) => body.name)).toEqual(["a", "b", "c"]);
  expect(lines.map(({ start, end }) => [start, end])).toEqual([
    [0, size],
    [size, 2 * size],
    [2 * size, 3 * size],
  ]);
  expect(lines.every(({ bytes }) => decodeLine(bytes.subarray(0, -1)) !== null)).toBe(true);
  expect((await read(contents, size)).map(({ body }) => body.name)).toEqual(["b", "c"]);
  expect((await read(contents, 0, size)).map(({ body }) => body.name)).toEqual(["a"]);
});

describe.each(sizes)("behind a line of %d bytes", (size) => {
  const whole = lineOf(size, "whole");

  test("a torn last line is left out, also one with a hole that ends in a newline", async () => {
    const last = Buffer.from(encodeLine({ name: "last" }));
    for (const torn of [last.subarray(0, 10), Buffer.from(last).fill(0, 3, 9), Buffer.alloc(7)])
      expect(await read(Buffer.concat([Buffer.from(whole), torn]))).toHaveLength(1);
  });

  test("a damaged line is damage, also the last one", async () => {
    const last = Buffer.from(encodeLine({ name: "last" }));
    last[20] = (last[20] ?? 0) ^ 1;
    const damaged = Buffer.concat([Buffer.from(whole), last]);
    await expect(read(damaged)).rejects.toMatchObject({ message: "/file:2: the line's checksum is wrong" });
    await expect(read(damaged, size)).rejects.toMatchObject({ message: expect.stringContaining("/file:2:") });
  });

  test("a hole in a line that others follow is damage", async () => {
    const holed = Buffer.from(whole).fill(0, 40, 50);
    const contents = Buffer.concat([holed, Buffer.from(encodeLine({ name: "last" }))]);
    await expect(read(contents)).rejects.toMatchObject({ message: expect.stringContaining("/file:1:") });
  });

  test("bytes that must be there and are not are damage", async () => {
    await expect(read(whole, 0, size + 5)).rejects.toMatchObject({
      code: "infra.journal-corrupt",
      message: expect.stringMatching(/^\/file:2: 5 .*missing$/),
    });
    await expect(read(`${whole}{"cr`, 0, size + 4)).rejects.toMatchObject({ code: "infra.journal-corrupt" });
  });
});

test("a torn line that ends where a chunk ends is left out like any other", async () => {
  const first = lineOf(100, "whole");
  const torn = Buffer.from(lineOf(16 * 1024 - 100)).fill(0, 50, 60);
  expect(await read(Buffer.concat([Buffer.from(first), torn]))).toHaveLength(1);
});
