import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Data, RecordBatch, Struct, vectorFromArray } from "apache-arrow";
import { expect, it } from "vitest";
import { arrowSchema } from "../../src/data/arrow-types.js";
import { type ColumnType, typeName } from "../../src/data/column.js";
import { parquetFormat } from "../../src/formats/parquet/parquet-format.js";
import { defaultWriterProfile } from "../../src/job/profile.js";
import { copyOfCase } from "../support/cases.js";
import { hyparquetFooter, inspect, readRows, readWithHyparquet } from "../support/parquet-rows.js";

const uuid: ColumnType = { kind: "fixed-binary", bytes: 16, logical: "uuid" };
const json: ColumnType = { kind: "utf8", logical: "json" };
const bytes = Uint8Array.from({ length: 16 }, (_, at) => at);

/** One row of each column. */
async function write(columns: readonly (readonly [string, ColumnType, unknown])[]): Promise<Uint8Array> {
  const schema = arrowSchema(columns.map(([name, type]) => ({ name, type, nullable: true })));
  const children = columns.map(([, , value], at) => {
    const type = schema.fields[at]?.type;
    const [data] = type === undefined ? [] : vectorFromArray([value, null], type).data;
    if (data === undefined) throw new Error("no data");
    return data;
  });
  const writer = await parquetFormat().createWriter(schema, defaultWriterProfile);
  writer.write(new RecordBatch(schema, new Data(new Struct(schema.fields), 0, 2, 0, undefined, children)));
  return writer.finish();
}

const columns = [
  ["id", { kind: "int", bits: 32, signed: true }, 1],
  ["u", uuid, bytes],
  ["j", json, "{}"],
  ["e", { kind: "utf8", logical: "enum" }, "RED"],
  ["b", { kind: "binary", logical: "bson" }, Uint8Array.of(5, 0, 0, 0, 0)],
  ["text", { kind: "utf8" }, "plain"],
  ["list", { kind: "list", item: uuid }, [bytes]],
  [
    "struct",
    {
      kind: "struct",
      fields: [
        { name: "plain", type: { kind: "fixed-binary", bytes: 16 }, nullable: true },
        { name: "u", type: uuid, nullable: true },
      ],
    },
    { plain: bytes, u: bytes },
  ],
  ["half", { kind: "float", bits: 16 }, 0.5],
] as const satisfies readonly (readonly [string, ColumnType, unknown])[];

it("annotations are written where another reader finds them, at any depth, and are read again", async () => {
  const file = await write(columns);
  const annotated = hyparquetFooter(file).schema.flatMap(({ name, type, logical_type: logical }) =>
    type === undefined || logical === undefined ? [] : [[name, logical.type]],
  );
  expect(annotated).toEqual([
    ["u", "UUID"],
    ["j", "JSON"],
    ["e", "ENUM"],
    ["b", "BSON"],
    ["text", "STRING"],
    ["element", "UUID"],
    ["u", "UUID"],
    ["half", "FLOAT16"],
  ]);
  const types = (await inspect(file)).schema.map(({ type }) => typeName(type));
  expect(types).toEqual([
    "int32",
    "uuid",
    "json",
    "enum",
    "bson",
    "string",
    "list<uuid>",
    "struct<plain: binary[16], u: uuid>",
    "float16",
  ]);
  const [row, nulls] = await readRows(file);
  expect(row).toMatchObject({ j: "{}", e: "RED", u: Buffer.from(bytes).toString("latin1") });
  expect(Object.values(nulls ?? {}).every((value) => value === null)).toBe(true);
  // The other reader knows no BSON.
  const others = await write(columns.filter(([name]) => name !== "b"));
  expect((await readWithHyparquet(others))[0]).toMatchObject({ e: "RED", half: 0.5 });
});

it("uuid-annotation: a column that DuckDB wrote is a UUID", async () => {
  const file = readFileSync(join(copyOfCase("uuid-annotation"), "in.parquet"));
  expect((await inspect(file)).schema.map(({ name, type }) => [name, typeName(type)])).toEqual([
    ["u", "uuid"],
    ["x", "float32"],
  ]);
});
