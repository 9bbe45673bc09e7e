import { Bool, Dictionary, Field, FixedSizeList, Float32, Int32, List, Struct, Utf8 } from "apache-arrow";
import { expect, it } from "vitest";
import { type Chunk, placeOf } from "../../../src/data/chunk.js";
import { wholeBatches } from "../../../src/scoring/whole-batches.js";
import { batchOf, column, valuesThroughIpc } from "../../support/arrow-batches.js";
import { range } from "../../support/jobs.js";

const item = new Field("item", new Float32(), true);
const point = new Struct<{ x: Float32; name: Utf8 }>([
  new Field("x", new Float32(), true),
  new Field("name", new Utf8(), true),
]);

/** Rows `from` to `to` of a file, of every kind of layout, with a null in every third. */
function chunk(file: string, firstRow: number, from: number, to: number): Chunk {
  const rows = range(to - from).map((row) => from + row);
  const values = <T>(value: (row: number) => T) => rows.map((row) => (row % 3 === 2 ? null : value(row)));
  const batch = batchOf({
    n: column(
      new Float32(),
      values((row) => row),
    ),
    flag: column(
      new Bool(),
      values((row) => row % 2 === 0),
    ),
    text: column(
      new Utf8(),
      values((row) => "é".repeat(row % 5)),
    ),
    word: column(
      new Dictionary(new Utf8(), new Int32()),
      values((row) => `w${row % 2}`),
    ),
    list: column(
      new List(item),
      values((row) => range(row % 4)),
    ),
    pair: column(
      new FixedSizeList(2, item),
      rows.map((row) => [row, -row]),
    ),
    point: column(
      point,
      rows.map((row) => ({ x: row, name: `p${row}` })),
    ),
  });
  return { batch, origin: { file, firstRow } };
}

async function* chunksOf(...chunks: readonly Chunk[]): AsyncGenerator<Chunk> {
  yield* chunks;
}

async function cut(batchRows: number, ...chunks: readonly Chunk[]): Promise<readonly Chunk[]> {
  const made: Chunk[] = [];
  for await (const each of wholeBatches(chunksOf(...chunks), batchRows)) made.push(each);
  return made;
}

/** All rows of all chunks, and where each comes from. */
function rowsOf(chunks: readonly Chunk[]) {
  return chunks.flatMap(({ batch, ...place }) => {
    const columns = valuesThroughIpc(batch);
    return range(batch.numRows).map((row) => ({
      ...placeOf(place, row),
      ...Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, values[row]])),
    }));
  });
}

it("row groups and files do not shape batches, and every row keeps its values and its place", async () => {
  const parts = [chunk("a", 0, 0, 7), chunk("a", 7, 7, 8), chunk("a", 8, 8, 30), chunk("b", 100, 30, 41)];
  const made = await cut(5, ...parts);
  expect(made.slice(0, -1).every(({ batch }) => batch.numRows % 5 === 0)).toBe(true);
  expect(made.at(-1)?.batch.numRows).toBe(1);
  expect(rowsOf(made)).toEqual(rowsOf(parts));
});

it("a batch may be larger than all chunks together", async () => {
  const parts = [chunk("a", 0, 0, 2), chunk("b", 0, 2, 3), chunk("c", 5, 3, 6)];
  const made = await cut(100, ...parts);
  expect(made).toHaveLength(1);
  expect(rowsOf(made)).toEqual(rowsOf(parts));
});
