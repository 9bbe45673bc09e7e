/** pgvector's types as features: the real ones, in a schema that no search path leads to. */
import { afterAll, expect, it } from "vitest";
import { typeName } from "../../src/data/column.js";
import { halfToDouble } from "../../src/data/float16.js";
import type { PostgresRead } from "../../src/sources/postgres/postgres-input.js";
import type { TestDatabase } from "../support/postgres-server.js";
import { planned, queryOf, readAll, sourceOf } from "../support/postgres-source.js";
import { vectorServer } from "../support/vector-server.js";

const server = vectorServer();
let database: TestDatabase | null = null;

async function withVectors(): Promise<TestDatabase> {
  database ??= await server.createDatabase("extensions");
  return database;
}
afterAll(() => database?.drop());

/** What the server writes of a vector, in the nearest float32. */
const numbersIn = (text: string) => (JSON.parse(text) as number[]).map(Math.fround);

it.each([
  ["vector(3)", "list<float32>[3]", ["[1,2.5,-3]", "[0.1,1e-45,3.4028235e38]", "[-0,1e10,-1e-10]"]],
  ["vector", "list<float32>", ["[1]", "[1,2,3]", "[0.1]"]],
  ["halfvec(3)", "list<float32>[3]", ["[65504,0.1,-6e-8]", "[1,2.5,-3]"]],
  ["halfvec", "list<float32>", ["[0.5]", "[1,2,3,4]"]],
])("a column of type %s is read as it is, by table and by query, nulls too", async (type, ours, values) => {
  const { url, query } = await withVectors();
  const table = `t_${type.replace(/\W/g, "")}`;
  await query(`create table ${table} (n int4 primary key, v extensions.${type})`);
  const rows = values.map((value, n) => `(${n}, '${value}')`);
  await query(`insert into ${table} values ${rows.join(", ")}, (${rows.length}, null)`);
  const said = await query<{ v: string }>(`select v::text from ${table} where v is not null order by n`);
  const expected = [...said.map(({ v }) => [numbersIn(v)]), [null]];
  for (const read of [table, queryOf(`select v from ${table} order by n`)] as (string | PostgresRead)[]) {
    const source = sourceOf(url, read);
    const column = (await source.schema()).find(({ name }) => name === "v");
    expect(column && typeName(column.type)).toBe(ours);
    expect((await readAll(source, ["v"])).rows).toEqual(expected);
  }
});

it("every half that is a number arrives as what it is", async () => {
  const { url, query } = await withVectors();
  const halves = Array.from({ length: 65_536 }, (_, bits) => halfToDouble(bits)).filter(Number.isFinite);
  await query("create table halves (n int4 primary key, v extensions.halfvec)");
  const most = 16_000;
  for (let from = 0; from < halves.length; from += most)
    await query("insert into halves values ($1, $2)", [from, `[${halves.slice(from, from + most)}]`]);
  const { rows } = await readAll(sourceOf(url, queryOf("select v from halves order by n")), ["v"]);
  // The server's own text is what each is compared with; JSON knows no -0.
  const said = await query<{ v: string }>("select v::text from halves order by n");
  expect(rows).toEqual(said.map(({ v }) => [numbersIn(v)]));
  expect(rows.flatMap(([list]) => list)).toHaveLength(63_488);
});

it("an array of vectors is a list of lists, and a domain is what it is made of", async () => {
  const { url, query } = await withVectors();
  await query(`create domain place as extensions.vector(2);
    create table nested (id int4 primary key, many extensions.vector(2)[], place place);
    insert into nested values (1, array['[1,2]', null, '[3,4]']::extensions.vector[], '[5,6]'), (2, '{}', null)`);
  const source = sourceOf(url, "nested");
  expect((await source.schema()).map(({ type }) => typeName(type))).toEqual([
    "int32",
    "list<list<float32>[2]>",
    "list<float32>[2]",
  ]);
  expect((await readAll(source, ["many", "place"])).rows).toEqual([
    [
      [[1, 2], null, [3, 4]],
      [5, 6],
    ],
    [[], null],
  ]);
});

it("a sparse vector is refused with a way out, which leads out", async () => {
  const { url, query } = await withVectors();
  await query("create table sparse as select '{1:0.5,4:2}/5'::extensions.sparsevec(5) as v");
  await expect(planned(sourceOf(url, "sparse"), ["v"])).rejects.toMatchObject({
    code: "postgres.unreadable-type",
    hint: expect.stringContaining("column::vector"),
  });
  const cast = sourceOf(url, queryOf("select v::extensions.vector from sparse"));
  expect((await readAll(cast, ["v"])).rows).toEqual([[[0.5, 0, 0, 2, 0]]]);
});

it("vectors come in chunks of all partitions, none lost and none twice", async () => {
  const { url, query } = await withVectors();
  await query(`create table many (id int4 primary key, v extensions.vector(2), h extensions.halfvec(2));
    insert into many select g, array[g, -g]::extensions.vector, array[g % 2048, 0.5]::extensions.halfvec
    from generate_series(0, 4999) g; analyze many`);
  const source = sourceOf(url, "many");
  const partitions = await planned(source, ["id", "v", "h"], { partitionRows: 1000 });
  expect(partitions.length).toBeGreaterThan(3);
  const { rows } = await readAll(source, ["id", "v", "h"], { partitions, chunkRows: 300 });
  expect([...rows].sort((a, b) => Number(a[0]) - Number(b[0]))).toEqual(
    Array.from({ length: 5000 }, (_, g) => [g, [g, g === 0 ? 0 : -g], [g % 2048, 0.5]]),
  );
});
