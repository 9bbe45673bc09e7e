import { describe, expect, it } from "vitest";
import type { PinnedFile } from "../../src/job/partition.js";
import type { FilesPartition } from "../../src/sources/files/files-input.js";
import { planPartitions, type SizedFile, type Sizing } from "../../src/sources/files/plan-partitions.js";

function file(name: string, groups: readonly number[], bytesPerRow = 10): SizedFile {
  const pinned: PinnedFile = {
    path: `/${name}`,
    size: 1,
    inode: "1",
    mtimeNs: "1",
    footerSha256: "",
    rows: groups.reduce((a, b) => a + b, 0),
    pathValues: {},
  };
  return {
    file: pinned,
    rowGroups: groups.map((rows) => ({ rows, bytes: rows * bytesPerRow, heldBytes: rows * bytesPerRow + 5 })),
  };
}

async function plan(
  files: readonly SizedFile[],
  sizing: Partial<Sizing> = {},
): Promise<readonly FilesPartition[]> {
  const groups = files.flatMap((sized) => sized.rowGroups).filter((group) => group.rows > 0);
  const totals = { rows: groups.reduce((sum, group) => sum + group.rows, 0), rowGroups: groups.length };
  const partitions: FilesPartition[] = [];
  for await (const partition of planPartitions(files, {
    partitionRows: "auto",
    minPartitions: 1,
    totals,
    ...sizing,
  }))
    partitions.push(partition);
  checkCover(files, partitions);
  return partitions;
}

/** Every row group with rows once, in order; counts that add up. */
function checkCover(files: readonly SizedFile[], partitions: readonly FilesPartition[]): void {
  const expected = files.flatMap(({ file: { path }, rowGroups }) =>
    rowGroups.flatMap(({ rows }, i) => (rows > 0 ? [`${path}#${i}`] : [])),
  );
  const slices = partitions.flatMap((partition) => partition.slices);
  const covered = slices.flatMap((slice) =>
    Array.from(
      { length: slice.rowGroupEnd - slice.rowGroupStart },
      (_, i) => `${slice.file.path}#${slice.rowGroupStart + i}`,
    ),
  );
  expect(covered).toEqual(expected);
  expect(partitions.map((partition) => partition.index)).toEqual(partitions.map((_, i) => i));
  for (const { rows, slices: own } of partitions) {
    expect(rows).toBe(own.reduce((sum, slice) => sum + slice.rows, 0));
    expect(rows).toBeGreaterThan(0);
  }
  for (const {
    file: { path },
    rowGroupStart,
    firstRow,
  } of slices) {
    const groups = files.find((sized) => sized.file.path === path)?.rowGroups ?? [];
    expect(firstRow).toBe(groups.slice(0, rowGroupStart).reduce((sum, group) => sum + group.rows, 0));
  }
}

const rowsOf = (partitions: readonly FilesPartition[]): readonly number[] =>
  partitions.map((partition) => partition.rows);
const repeat = (rows: number, times: number): readonly number[] => Array.from({ length: times }, () => rows);

describe("partitions", () => {
  it("of a small input are one, and of none are none", async () => {
    expect(rowsOf(await plan([file("a", [10, 20]), file("b", [5])]))).toEqual([35]);
    expect(await plan([])).toEqual([]);
    expect(await plan([file("a", []), file("b", [0, 0])])).toEqual([]);
  });

  it("are as many as threads want, balanced, where row groups allow it", async () => {
    expect(rowsOf(await plan([file("a", repeat(32_768, 16))], { minPartitions: 4 }))).toEqual(
      repeat(131_072, 4),
    );
    expect(rowsOf(await plan([file("a", [...repeat(131_072, 15), 33_920])], { minPartitions: 16 }))).toEqual([
      ...repeat(131_072, 15),
      33_920,
    ]);
    expect(rowsOf(await plan([file("a", [100, 100])], { minPartitions: 8 }))).toEqual([100, 100]);
    expect(
      rowsOf(await plan([file("a", [100]), file("b", [100]), file("c", [100])], { minPartitions: 2 })),
    ).toEqual([200, 100]);
  });

  it("never hold more than the limits, but for a row group that does so alone", async () => {
    const many = await plan([file("a", [...repeat(100_000, 10), 5_000_000, 100_000])]);
    expect(Math.max(...rowsOf(many).filter((rows) => rows !== 5_000_000))).toBeLessThanOrEqual(262_144);
    expect(rowsOf(many)).toContain(5_000_000);
    const wide = await plan([file("w", repeat(1000, 20), 100_000)]);
    expect(Math.max(...wide.map((partition) => partition.bytes))).toBeLessThanOrEqual(256 * 1024 * 1024);
    expect(wide.length).toBeGreaterThan(7);
  });

  it("keep to the rows that were asked for", async () => {
    expect(
      rowsOf(await plan([file("a", repeat(100, 9))], { partitionRows: 300, minPartitions: 16 })),
    ).toEqual([300, 300, 300]);
    expect(rowsOf(await plan([file("a", repeat(100, 3))], { partitionRows: 50 }))).toEqual([100, 100, 100]);
  });

  it("group small files, and cut large ones between row groups", async () => {
    const [one, two] = await plan([file("a", [50]), file("b", [50]), file("c", [50, 50, 100])], {
      partitionRows: 150,
    });
    expect(one?.slices.map((slice) => [slice.file.path, slice.rowGroupStart, slice.rowGroupEnd])).toEqual([
      ["/a", 0, 1],
      ["/b", 0, 1],
      ["/c", 0, 1],
    ]);
    expect(two?.slices).toMatchObject([
      { file: { path: "/c" }, rowGroupStart: 1, rowGroupEnd: 3, firstRow: 50 },
    ]);
  });

  it("hold at most a thousand files", async () => {
    const tiny = Array.from({ length: 2500 }, (_, i) => file(`f${i}`, [1]));
    expect(rowsOf(await plan(tiny))).toEqual([1000, 1000, 500]);
  });

  it("step over row groups without rows", async () => {
    const [only] = await plan([file("a", [0, 10, 0, 10, 10, 0])]);
    expect(only?.slices.map((slice) => [slice.rowGroupStart, slice.rowGroupEnd])).toEqual([
      [1, 2],
      [3, 5],
    ]);
  });

  it("say what their largest row group takes", async () => {
    expect(await plan([file("a", [10, 30, 20])])).toMatchObject([{ rows: 60, bytes: 600, peakBytes: 305 }]);
  });

  it("come while files still come", async () => {
    let given = 0;
    function* endless(): Generator<SizedFile> {
      while (true) yield file(`f${given++}`, [1000]);
    }
    const partitions = planPartitions(endless(), {
      partitionRows: 5000,
      minPartitions: 1,
      totals: { rows: 1e9, rowGroups: 1e6 },
    });
    await partitions.next();
    expect(given).toBeLessThan(10);
  });

  it("cover everything whatever the sizes: 300 random inputs", async () => {
    let state = 1;
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    for (let i = 0; i < 300; i++) {
      const files = Array.from({ length: random(8) }, (_, f) =>
        file(
          `f${f}`,
          Array.from({ length: random(6) }, () => random(4) * random(400_000)),
          1 + random(300),
        ),
      );
      const groups = files.flatMap((sized) => sized.rowGroups).filter((group) => group.rows > 0).length;
      const minPartitions = 1 + random(12);
      const partitions = await plan(files, { minPartitions });
      expect(partitions.length).toBeGreaterThanOrEqual(Math.min(minPartitions, groups));
    }
  });
});
