/** What every file format promises: what is written is read, a part of it when a part is asked for, and no damage is silent. */
import {
  Bool,
  type DataType,
  Field,
  FixedSizeList,
  Float32,
  Float64,
  Int32,
  Int64,
  List,
  RecordBatch,
  Schema,
  Table,
  TimestampMicrosecond,
  tableFromIPC,
  tableToIPC,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { beforeEach, describe, expect, test } from "vitest";
import { jsonRows } from "../../src/data/arrow/json-rows.js";
import type { Format, ReadRequest } from "../../src/formats/format.js";
import { defaultWriterProfile } from "../../src/job/profile.js";
import { failure } from "../support/failure.js";
import { memoryFile } from "../support/memory-files.js";

const names = ["id", "x", "score", "flag", "word", "at", "tags", "vector"] as const;
const types: { readonly [name in (typeof names)[number]]: DataType } = {
  id: new Int64(),
  x: new Float64(),
  score: new Float32(),
  flag: new Bool(),
  word: new Utf8(),
  at: new TimestampMicrosecond("UTC"),
  tags: new List(new Field("item", new Int32(), true)),
  vector: new FixedSizeList(2, new Field("item", new Float32(), true)),
};
const schema = new Schema(names.map((name) => new Field(name, types[name], true)));

/** Of every third row, all values but the first are null. */
function cellOf(name: (typeof names)[number], id: number): unknown {
  if (name === "id") return BigInt(id);
  if (id % 3 === 1) return null;
  switch (name) {
    case "x":
      return id / 8;
    case "score":
      return Math.fround(id / 3);
    case "flag":
      return id % 2 === 0;
    case "word":
      return id % 5 === 0 ? "" : `nächtlich ${id}`;
    case "at":
      return 1_700_000_000_000 + id;
    case "tags":
      return Array.from({ length: id % 4 }, (_, i) => id + i);
    case "vector":
      return [id, -id];
  }
}

function batchOf(from: number, to: number): RecordBatch {
  const ids = Array.from({ length: to - from }, (_, i) => from + i);
  const columns = names.map(
    (name) =>
      [
        name,
        vectorFromArray(
          ids.map((id) => cellOf(name, id)),
          types[name],
        ),
      ] as const,
  );
  const [batch] = new Table(schema, Object.fromEntries(columns)).batches;
  return batch ?? new RecordBatch(schema);
}

const rowsOf = (batch: RecordBatch) => jsonRows(batch, batch.numRows);
/** What was written, through no format. */
const written = (from: number, to: number) => rowsOf(batchOf(from, to));

export function formatConformance(name: string, open: () => Format): void {
  describe(`the format ${name}`, () => {
    let format: Format;
    beforeEach(() => {
      format = open();
      format.warm();
    });

    /** A file of rows `from` to `to`, written in batches of 25. */
    async function fileOf(from: number, to: number, rowGroupRows = 1000): Promise<Uint8Array> {
      const writer = await format.createWriter(schema, { ...defaultWriterProfile, rowGroupRows });
      for (let row = from; row < to; row += 25) writer.write(batchOf(row, Math.min(row + 25, to)));
      expect(writer.rows).toBe(to - from);
      return writer.finish();
    }

    async function read(bytes: Uint8Array, request: Partial<ReadRequest> = {}) {
      const file = memoryFile(bytes);
      const summary = await format.inspect(file);
      const reader = await format.openReader(file, summary);
      const whole = {
        rowGroupStart: 0,
        rowGroupEnd: summary.rowGroups.length,
        columns: names,
        batchRows: 16,
      };
      const rows: unknown[] = [];
      const batches: number[] = [];
      for await (const batch of reader.read({ ...whole, ...request })) {
        // Buffers may be views that the next batch overwrites.
        const [copy] = tableFromIPC(tableToIPC(new Table([batch]), "stream")).batches;
        batches.push(batch.numRows);
        if (copy !== undefined) rows.push(...rowsOf(copy));
      }
      await reader.close();
      return { rows, batches, summary };
    }

    test("returns what was written, and counts it without decoding", async () => {
      const { rows, summary } = await read(await fileOf(0, 120));
      expect(rows).toEqual(written(0, 120));
      expect(summary.rows).toBe(120);
      expect(summary.schema.map((column) => column.name)).toEqual(names);
      expect(summary.rowGroups.reduce((sum, group) => sum + group.rows, 0)).toBe(120);
    });

    test("of no rows keeps its schema", async () => {
      const { rows, summary } = await read(await fileOf(0, 0));
      expect({ rows, counted: summary.rows }).toEqual({ rows: [], counted: 0 });
      expect(summary.schema.map((column) => column.name)).toEqual(names);
    });

    test("counts nulls as they are, where it counts them", async () => {
      const { summary } = await read(await fileOf(0, 90, 30));
      for (const group of summary.rowGroups)
        for (const [column, { nulls }] of Object.entries(group.columns))
          if (nulls !== null) expect([column, nulls]).toEqual([column, column === "id" ? 0 : group.rows / 3]);
    });

    test("returns the columns that are asked for, in that order", async () => {
      const columns = ["word", "id"];
      const { rows } = await read(await fileOf(0, 40), { columns });
      expect(rows).toEqual(written(0, 40).map((cells) => [cells[4], cells[0]]));
    });

    test("returns no batch of more rows than asked for", async () => {
      const { batches } = await read(await fileOf(0, 120), { batchRows: 50 });
      expect(Math.max(...batches)).toBeLessThanOrEqual(50);
    });

    test("is read in parts as it is read whole", async () => {
      const bytes = await fileOf(0, 120, 40);
      const { summary } = await read(bytes);
      const parts = [];
      for (let group = 0; group < summary.rowGroups.length; group++) {
        const { rows } = await read(bytes, { rowGroupStart: group, rowGroupEnd: group + 1 });
        expect(rows).toHaveLength(summary.rowGroups[group]?.rows ?? -1);
        parts.push(...rows);
      }
      expect(parts).toEqual(written(0, 120));
    });

    test("has equal digests for equal contents, and others for others", async () => {
      const encoded = async (bytes: Uint8Array) => {
        const file = memoryFile(bytes);
        const summary = await format.inspect(file);
        const reader = await format.openReader(file, summary);
        const request = {
          rowGroupStart: 0,
          rowGroupEnd: summary.rowGroups.length,
          columns: ["x"],
          batchRows: 8,
        };
        const parts: Buffer[] = [];
        for await (const part of reader.encoded(request)) parts.push(Buffer.from(part));
        const seen: Buffer[] = [];
        for await (const _ of reader.read({ ...request, onEncoded: (part) => seen.push(Buffer.from(part)) }));
        await reader.close();
        // What a check reads again is what was decoded.
        expect(Buffer.concat(seen).equals(Buffer.concat(parts))).toBe(true);
        return Buffer.concat(parts).toString("hex");
      };
      const one = await encoded(await fileOf(0, 60));
      expect(await encoded(await fileOf(0, 60))).toBe(one);
      expect(await encoded(await fileOf(1, 61))).not.toBe(one);
    });

    test("that is cut short is an error, wherever the cut is", async () => {
      const bytes = await fileOf(0, 120, 40);
      for (let cut = 0; cut < 24; cut++) {
        const short = bytes.slice(0, Math.floor((bytes.byteLength * cut) / 24));
        expect((await failure(read(short))).kind).toBe("data");
      }
    });

    test("joins files into one with the rows of all, in order", async () => {
      const parts = [
        memoryFile(await fileOf(0, 50)),
        memoryFile(await fileOf(50, 50)),
        memoryFile(await fileOf(50, 90)),
      ];
      const joined: Buffer[] = [];
      const rows = await format.join(parts, async (bytes) => void joined.push(Buffer.from(bytes)));
      expect(rows).toBe(90);
      expect((await read(Buffer.concat(joined))).rows).toEqual(written(0, 90));
    });

    test("writes several files at once, each with its own rows", async () => {
      const writers = [
        await format.createWriter(schema, defaultWriterProfile),
        await format.createWriter(schema, defaultWriterProfile),
      ] as const;
      for (let row = 0; row < 100; row += 10) writers[row % 20 === 0 ? 0 : 1].write(batchOf(row, row + 10));
      const files = writers.map((writer) => writer.finish());
      const tens = (first: number) =>
        [0, 20, 40, 60, 80].flatMap((row) => written(row + first, row + first + 10));
      expect((await read(files[0] ?? new Uint8Array())).rows).toEqual(tens(0));
      expect((await read(files[1] ?? new Uint8Array())).rows).toEqual(tens(10));
    });
  });
}
