/** What every source promises: each row once, in batches of a bounded size, again and again the same, and no silence about a loss. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { jsonRows } from "../../src/data/arrow/json-rows.js";
import type { Partition } from "../../src/job/partition.js";
import type { PlanRequest, Source, SourceReadRequest } from "../../src/sources/source.js";
import { failure } from "../support/failure.js";

export interface SourcePlace {
  /** Whether rows come in the order of `id`. A database returns them in an order of its own. */
  readonly isOrdered: boolean;
  /** A new input with the columns `id` (0, 1, … as integers), `x` (half of it) and `word` (`w0`, …; null at 3, 10, 17, …). */
  open(rows: number): Promise<OpenInput>;
  close(): Promise<void>;
}

export interface OpenInput {
  readonly source: Source;
  /** Takes the input away. */
  remove(): Promise<void>;
}

type Cells = readonly unknown[];

const never = new AbortController().signal;
const columns = ["id", "x", "word"];
const wordOf = (id: number): string | null => (id % 7 === 3 ? null : `w${id}`);
const rowOf = (id: number): Cells => [id, id / 2, wordOf(id)];
const rowsBelow = (end: number): readonly Cells[] => Array.from({ length: end }, (_, id) => rowOf(id));
/** 64-bit integers may come as text. */
const inOrder = (rows: readonly Cells[]): readonly Cells[] =>
  rows.map(([id, ...others]) => [Number(id), ...others]).sort(([a], [b]) => Number(a) - Number(b));

async function planOf(source: Source, request: Partial<PlanRequest> = {}): Promise<readonly Partition[]> {
  const partitions: Partition[] = [];
  const whole = { columns, partitionRows: "auto", minPartitions: 1, ...request } as const;
  for await (const partition of source.plan(whole, never)) partitions.push(partition);
  return partitions;
}

interface Read {
  readonly rows: readonly Cells[];
  readonly chunks: readonly number[];
  readonly sent: number;
}

async function readOf(
  source: Source,
  partitions: readonly Partition[],
  request: Partial<SourceReadRequest> = {},
  signal = never,
): Promise<Read> {
  const rows: Cells[] = [];
  const chunks: number[] = [];
  let sent = 0;
  const onRowsSent = (count: number): void => {
    sent += count;
  };
  for (const partition of partitions)
    for await (const { batch } of source.read(
      partition,
      { columns, chunkRows: 1000, onRowsSent, ...request },
      signal,
    )) {
      chunks.push(batch.numRows);
      rows.push(...jsonRows(batch, batch.numRows));
    }
  return { rows, chunks, sent };
}

export function sourceConformance(name: string, openPlace: () => Promise<SourcePlace>): void {
  describe(`the source ${name}`, () => {
    let place: SourcePlace;
    beforeAll(async () => {
      place = await openPlace();
    });
    afterAll(() => place.close());

    test("names its columns before anything is planned", async () => {
      const { source } = await place.open(5);
      const schema = await source.schema();
      expect(schema.map((column) => column.name)).toEqual(expect.arrayContaining(columns));
    });

    test.each([
      { partitionRows: "auto", minPartitions: 1 },
      { partitionRows: "auto", minPartitions: 4 },
      { partitionRows: 40, minPartitions: 1 },
    ] as const)("plans each row once: %o", async (request) => {
      const { source } = await place.open(250);
      await source.schema();
      const partitions = await planOf(source, request);
      expect(partitions.map(({ index }) => index)).toEqual(partitions.map((_, index) => index));
      const { rows, sent } = await readOf(source, partitions);
      expect(inOrder(rows)).toEqual(rowsBelow(250));
      const ids = rows.map(([id]) => Number(id));
      if (place.isOrdered) expect(ids).toEqual(ids.toSorted((a, b) => a - b));
      // A plan of estimates comes with the database's own count, any other with exact rows.
      const planned = partitions.reduce((sum, partition) => sum + partition.rows, 0);
      expect(sent === 0 ? planned : sent).toBe(250);
    });

    test("reads a partition again, alone, as it was", async () => {
      const { source } = await place.open(250);
      await source.schema();
      const partitions = await planOf(source, { minPartitions: 3 });
      for (const partition of [...partitions].reverse()) {
        const [first, second] = [await readOf(source, [partition]), await readOf(source, [partition])];
        expect(second.rows).toEqual(first.rows);
      }
    });

    test("returns the columns that are asked for, in that order", async () => {
      const { source } = await place.open(20);
      await source.schema();
      const asked = ["word", "id"];
      const { rows } = await readOf(source, await planOf(source, { columns: asked }), { columns: asked });
      const expected = rowsBelow(20).map(([id, , word]) => [word, id]);
      expect(
        rows.map(([word, id]) => [word, Number(id)]).sort((a, b) => Number(a[1]) - Number(b[1])),
      ).toEqual(expected);
    });

    test("returns no chunk of more rows than asked for", async () => {
      const { source } = await place.open(250);
      await source.schema();
      const { rows, chunks } = await readOf(source, await planOf(source), { chunkRows: 64 });
      expect(rows).toHaveLength(250);
      expect(Math.max(...chunks)).toBeLessThanOrEqual(64);
    });

    test("of no rows has a schema, and nothing to read", async () => {
      const { source } = await place.open(0);
      expect((await source.schema()).map((column) => column.name)).toEqual(expect.arrayContaining(columns));
      expect((await readOf(source, await planOf(source))).rows).toEqual([]);
    });

    test("stops where it is cancelled", async () => {
      const { source } = await place.open(250);
      await source.schema();
      const partitions = await planOf(source);
      const stopped = readOf(source, partitions, {}, AbortSignal.abort());
      await expect(stopped).rejects.toMatchObject({ kind: "cancelled" });
      const controller = new AbortController();
      const chunks: number[] = [];
      const reading = (async () => {
        for (const partition of partitions)
          for await (const { batch } of source.read(
            partition,
            { columns, chunkRows: 10 },
            controller.signal,
          )) {
            chunks.push(batch.numRows);
            controller.abort();
          }
      })();
      await expect(reading).rejects.toMatchObject({ kind: "cancelled" });
      expect(chunks).toHaveLength(1);
    });

    test("that is gone is an error, not an end", async () => {
      const { source, remove } = await place.open(30);
      await source.schema();
      const partitions = await planOf(source);
      await remove();
      expect((await failure(readOf(source, partitions))).code).toMatch(/^(source|postgres)\./);
    });
  });
}
