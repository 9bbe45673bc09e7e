/** Every type, as it arrives here, against what the server itself writes of it as text. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { typeName } from "../../src/data/column.js";
import type { Run } from "../../src/job/run.js";
import { inputKeeper } from "../../src/sources/postgres/keep-input.js";
import { connectionUrl } from "../../src/wiring/resolve-connection.js";
import { createDatabase, type TestDatabase } from "../support/postgres-server.js";
import { columnNames, inputOf, planned, queryOf, readAll, sourceOf } from "../support/postgres-source.js";

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database.drop());

/** SQL type, our type, and values as SQL literals with what is read of them; one that is left out is the server's text. */
type Case = readonly [sql: string, ours: string, values: readonly (readonly [string, unknown?])[]];

const numbers: readonly Case[] = [
  [
    "int2",
    "int16",
    [
      ["'-32768'", -32768],
      ["32767", 32767],
      ["0", 0],
    ],
  ],
  [
    "int4",
    "int32",
    [
      ["'-2147483648'", -2147483648],
      ["2147483647", 2147483647],
    ],
  ],
  [
    "int8",
    "int64",
    [["'-9223372036854775808'"], ["9223372036854775807"], ["-1", -1], ["4294967296", 4294967296]],
  ],
  ["oid", "uint32", [["4294967295", 4294967295]]],
  [
    "float4",
    "float32",
    [
      ["1.5", 1.5],
      ["'-0'", -0],
      ["'NaN'", "NaN"],
      ["'Infinity'", "Infinity"],
      ["1e-40", Math.fround(1e-40)],
    ],
  ],
  [
    "float8",
    "float64",
    [
      ["0.1", 0.1],
      ["'-Infinity'", "-Infinity"],
      ["5e-324", 5e-324],
      ["'NaN'", "NaN"],
    ],
  ],
  [
    "bool",
    "bool",
    [
      ["true", true],
      ["false", false],
    ],
  ],
  [
    "numeric(10,2)",
    "decimal(10, 2)",
    [["-12345678.90"], ["0.01"], ["-0.01"], ["0", "0.00"], ["99999999.99"], ["100"], ["10000"]],
  ],
  [
    "numeric(38,10)",
    "decimal(38, 10)",
    [
      ["9999999999999999999999999999.9999999999"],
      ["-9999999999999999999999999999.9999999999"],
      ["0.0000000001"],
      ["-1"],
    ],
  ],
  ["numeric(15,0)", "decimal(15, 0)", [["-999999999999999"], ["100000000"]]],
  ["numeric(5,4)", "decimal(5, 4)", [["9.9999"], ["-0.0001"], ["0.12"]]],
];
const texts: readonly Case[] = [
  ["text", "string", [["''", ""], ["'naïve 🦜\\n'"], ["repeat('x', 70000)"]]],
  ["varchar(5)", "string", [["'ab'", "ab"]]],
  ["char(5)", "string", [["'ab'", "ab   "]]],
  ["name", "string", [["'n'", "n"]]],
  [
    '"char"',
    "string",
    [
      ["''", ""],
      ["'n'", "n"],
    ],
  ],
  [
    "bytea",
    "binary",
    [
      ["'\\x00ff10'", "00ff10"],
      ["''", ""],
    ],
  ],
  [
    "uuid",
    "string",
    [["'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'"], ["'00000000-0000-0000-0000-000000000000'"]],
  ],
  ["json", "string", [[`'{"b": 1,  "a":[2]}'`]]],
  ["jsonb", "string", [[`'{"b": 1,  "a":[2]}'`]]],
  [
    "mood",
    "string",
    [
      ["'sad'", "sad"],
      ["'it''s ok'", "it's ok"],
    ],
  ],
  ["short_text", "string", [["'abc'", "abc"]]],
];
const times: readonly Case[] = [
  ["date", "date", [["'2026-02-28'", "2026-02-28"], ["'1582-10-04'"], ["'1970-01-01'"]]],
  [
    "time",
    "time[us]",
    [
      ["'23:59:59.999999'", 86399999999],
      ["'00:00'", 0],
    ],
  ],
  [
    "timestamp",
    "timestamp[us]",
    [
      ["'2026-02-28 23:59:59.123456'", "2026-02-28T23:59:59.123456"],
      ["'1969-12-31 23:59:59.999999'", "1969-12-31T23:59:59.999999"],
      ["'1999-12-31 23:59:59'", "1999-12-31T23:59:59"],
    ],
  ],
  ["timestamptz", "timestamp[us, UTC]", [["'2026-02-28 23:59:59.5+02'", "2026-02-28T21:59:59.500000Z"]]],
];
const lists: readonly Case[] = [
  [
    "real[]",
    "list<float32>",
    [
      ["'{1.5,NULL,-2}'", [1.5, null, -2]],
      ["'{}'", []],
      ["'[5:6]={1,2}'", [1, 2]],
    ],
  ],
  ["int8[]", "list<int64>", [["'{9007199254740993}'", ["9007199254740993"]]]],
  ["text[]", "list<string>", [[`'{a,"b,c",NULL,"NULL",""}'`, ["a", "b,c", null, "NULL", ""]]]],
  ["bool[]", "list<bool>", [["'{t,f,NULL}'", [true, false, null]]]],
  ["numeric(6,2)[]", "list<decimal(6, 2)>", [["'{1.50,-2}'", ["1.50", "-2.00"]]]],
  ["timestamptz[]", "list<timestamp[us, UTC]>", [["'{2026-01-01 00:00+00}'", ["2026-01-01T00:00:00Z"]]]],
  [
    "uuid[]",
    "list<string>",
    [["'{00000000-0000-0000-0000-000000000001}'", ["00000000-0000-0000-0000-000000000001"]]],
  ],
];

describe("a value of type", () => {
  beforeAll(async () => {
    await database.query(`
      create type mood as enum ('sad', 'it''s ok');
      create domain short_text as varchar(3) check (value <> '');
    `);
  });

  it.each([...numbers, ...texts, ...times, ...lists])("%s is read as it is", async (sql, ours, values) => {
    const table = `t${Math.random().toString(36).slice(2)}`;
    await database.query(`create table ${table} (n int4, v ${sql})`);
    const literals = values.map(([value], n) => `(${n}, ${value}::${sql})`);
    await database.query(`insert into ${table} values ${literals.join(", ")}, (${values.length}, null)`);
    const source = sourceOf(database.url, table);
    const [, column] = await source.schema();
    expect(column && typeName(column.type)).toBe(ours);
    const said = await database.query<{ v: string }>(`select v::text from ${table} order by n`);
    const { rows, rowsSent } = await readAll(source, ["v"]);
    expect(rows).toEqual([
      ...values.map(([, value], n) => [value === undefined ? said[n]?.v : value]),
      [null],
    ]);
    expect(rowsSent).toBe(values.length + 1);
  });
});

describe("a type that nothing here holds exactly", () => {
  it.each([
    ["numeric", "numeric without precision", "column::float8"],
    ["numeric(50,2)", "numeric(50, 2)", "numeric(38, 10)"],
    ["interval", "interval", "extract(epoch from column)"],
    ["timetz", "timetz", "column::time"],
    ["int4range", "int4range", "column::text"],
    ["inet", "inet", "column::text"],
    ["interval[]", "_interval", "extract(epoch"],
  ])("%s is refused by its name, with a way out, and only where it is read", async (sql, name, wayOut) => {
    const source = sourceOf(database.url, queryOf(`select 1 as id, null::${sql} as v`));
    const schema = await source.schema();
    expect(schema.map(({ type }) => type)).toMatchObject([{ kind: "int" }, { kind: "other" }]);
    await expect(planned(source, ["v"])).rejects.toMatchObject({
      code: "postgres.unreadable-type",
      message: expect.stringContaining(name),
      hint: expect.stringContaining(wayOut),
    });
    expect((await readAll(source, ["id"])).rows).toEqual([[1]]);
  });

  it.each([
    ["'infinity'::date", "infinite"],
    ["'-infinity'::timestamptz", "infinite"],
    ["'infinity'::timestamp", "infinite"],
    ["'294276-12-31'::timestamp", "1970"],
    ["'NaN'::numeric(5,2)", "NaN"],
    ["'{{1},{2}}'::int4[]", "2 dimensions"],
  ])("a value %s is refused, and its column named", async (value, what) => {
    const source = sourceOf(database.url, queryOf(`select 1 as a union all select 2`));
    expect((await readAll(source, ["a"])).rows).toHaveLength(2);
    const bad = sourceOf(database.url, queryOf(`select ${value} as happens_when`));
    await expect(readAll(bad, ["happens_when"])).rejects.toMatchObject({
      code: "data.not-representable",
      message: expect.stringMatching(`"happens_when".*${what}`),
    });
  });
});

describe("rows", () => {
  beforeAll(async () => {
    await database.query(`create table many as
      select g as id, case when g % 7 = 0 then null else g / 2.0::float4 end as x, repeat('t', g % 300) as t,
             case when g % 3 = 0 then array[g, null]::int4[] end as l
      from generate_series(1, 20000) g`);
    await database.query("alter table many add primary key (id); analyze many");
  });

  const expected = Array.from({ length: 20_000 }, (_, index) => {
    const g = index + 1;
    return [g, g % 7 === 0 ? null : g / 2, "t".repeat(g % 300), g % 3 === 0 ? [g, null] : null];
  });

  it.each([7, 1000, 65_536])("come in chunks of %i, none lost and none twice", async (chunkRows) => {
    const { rows, sizes } = await readAll(sourceOf(database.url, "many"), ["id", "x", "t", "l"], {
      chunkRows,
    });
    expect(rows).toEqual(expected);
    expect(sizes.slice(0, -1).every((size) => size === chunkRows)).toBe(true);
  });

  it("wait in the server while their reader is slow", async () => {
    const source = sourceOf(
      database.url,
      queryOf("select g, repeat('x', 1000) as t from generate_series(1, 100000) g"),
    );
    const [partition] = await planned(source, ["g", "t"]);
    if (partition === undefined) throw new Error("no partition");
    let bytes = 0;
    const onBytes = (more: number): void => {
      bytes += more;
    };
    const request = { columns: ["g", "t"], chunkRows: 100, onBytes };
    for await (const { batch } of source.read(partition, request, new AbortController().signal)) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(batch.numRows).toBe(100);
      break;
    }
    // One chunk is in use, one is filled, and a few reads of the socket lie about: of 100 MB.
    expect(bytes).toBeLessThan(2_000_000);
  });

  it("of long values end their chunk early", async () => {
    const source = sourceOf(
      database.url,
      queryOf("select repeat('x', 1000000) as t from generate_series(1, 200) g"),
    );
    const { sizes } = await readAll(source, ["t"]);
    expect(sizes.length).toBeGreaterThan(1);
    expect(sizes.reduce((a, b) => a + b)).toBe(200);
  });

  it("larger than any read of a socket arrive whole", async () => {
    const source = sourceOf(database.url, queryOf("select repeat(md5('a'), 1000000) as t, 1 as b"));
    const { rows } = await readAll(source, ["t", "b"]);
    expect(String(rows[0]?.[0]).length).toBe(32_000_000);
  });

  it("without columns are counted", async () => {
    const { sizes, rowsSent } = await readAll(sourceOf(database.url, "many"), []);
    expect([sizes.reduce((a, b) => a + b), rowsSent]).toEqual([20_000, 20_000]);
  });

  it("are only read: nothing that writes gets through", async () => {
    await database.query(
      "create function makes_one() returns int language sql as 'insert into many values (0); select 1'",
    );
    await expect(
      readAll(sourceOf(database.url, queryOf("select makes_one() as a")), ["a"]),
    ).rejects.toMatchObject({ code: "postgres.query-writes" });
  });
});

describe("a query", () => {
  it("takes its values as parameters, also if they look like SQL", async () => {
    const read = queryOf(
      "select $1 || '!' as t, $2::int4 + 1 as n, $3::bool as b, $4::text[] as l, $5::jsonb as j, $6::text as z -- end ;",
      "'; drop table many; --",
      41,
      true,
      ['a"b\\', null, "NULL"],
      { a: [1] },
      null,
    );
    const source = sourceOf(database.url, read);
    expect((await readAll(source, await columnNames(source))).rows).toEqual([
      ["'; drop table many; --!", 42, true, ['a"b\\', null, "NULL"], '{"a": [1]}', null],
    ]);
  });

  it.each([
    [queryOf("select $1::int", 1, 2), "postgres.parameters", "2 values"],
    [queryOf("select 1 as a, $2::int as b", 1, 2), "postgres.parameters", "parameter"],
    [queryOf("select 1 as a, 2 as a"), "postgres.column-twice", '"a"'],
    [queryOf("select nix from many"), "postgres.no-such-column", "nix"],
    [queryOf("select * from nix"), "postgres.no-such-table", "nix"],
    [queryOf("select from where"), "postgres.syntax", "syntax error"],
    [queryOf("select 1; select 2"), "postgres.syntax", "syntax error"],
    [queryOf("select nix(1) as a"), "postgres.query-refused", "function nix"],
    [queryOf("select 1 as a where 'a'::text = 1"), "postgres.query-refused", "operator does not exist"],
    [queryOf("select id from many for update"), "postgres.query-writes", "FOR UPDATE"],
    [queryOf("with w as (delete from many returning id) select id from w"), "postgres.query-writes", "WITH"],
    [
      queryOf("select $1::int as a", "kanari"),
      "data.query-value",
      "invalid query value: a text is not valid for the type that the query expects",
    ],
  ])("%j is refused as %s", async (read, code, what) => {
    await expect(sourceOf(database.url, read).schema()).rejects.toMatchObject({
      code,
      message: expect.stringContaining(what),
    });
  });

  it.each(["snapshot", "materialize"] as const)(
    "that fails on a value says so, under %s",
    async (consistency) => {
      const read = queryOf("select id, 1 / (id - 7) as a from many");
      const source = sourceOf(database.url, read, { consistency });
      const columns = ["id", "a"];
      const reading =
        consistency === "snapshot"
          ? readAll(source, columns)
          : inputKeeper(
              inputOf(database.url, read, { consistency }),
              connectionUrl(database.url, { environment: {} }, "it"),
            )?.keep({ id: "r", key: { jobId: "j", scope: "s", generation: 1 } } as Run, {
              columns,
              partitions: await planned(source, columns),
            });
      await expect(reading).rejects.toMatchObject({
        code: "data.query-value",
        message: expect.stringContaining("a division by zero while"),
        details: { sqlstate: "22012" },
      });
    },
  );

  it("may be of a view, a materialized view, a partitioned table", async () => {
    await database.query(`
      create view v_many as select id from many where id <= 5;
      create materialized view m_many as select id from many where id <= 5;
      create table p_many (id int) partition by range (id);
      create table p_many_1 partition of p_many for values from (0) to (3);
      create table p_many_2 partition of p_many for values from (3) to (100);
      insert into p_many select generate_series(1, 5);`);
    for (const table of ["v_many", "m_many", "p_many"])
      expect((await readAll(sourceOf(database.url, table), ["id"])).rows.map(([id]) => id)).toEqual([
        1, 2, 3, 4, 5,
      ]);
  });
});

describe("a name", () => {
  it("that is missing is reported with the nearest name", async () => {
    await expect(sourceOf(database.url, "manny").schema()).rejects.toMatchObject({
      code: "postgres.no-such-table",
      hint: "Did you mean many?",
    });
  });

  // From the Big List of Naughty Strings, as far as they fit into 63 bytes.
  it.each([
    "undefined",
    "null",
    "1.0",
    "$1",
    "'; DROP TABLE users; --",
    '"',
    '""',
    "\\",
    "%s%n",
    "$" + "{env}",
    "{{ ds }}",
    "a.b",
    " ",
    "\t\n",
    "Ω≈ç√∫˜µ≤≥÷",
    "田中さんにあげて下さい",
    "(｡◕ ∀ ◕｡)",
    "👾 🙇 💁",
    "ﷺ",
    "̡͓̞ͅI̗̘",
    "<script>alert(0)</script>",
    "--",
    "/*",
    'U&"\\0061"',
    "SELECT",
    "ctid ",
    "x'--",
    "\u200b\u202e",
  ])("of a table and a column may be %j", async (name) => {
    const quoted = `"${name.replaceAll('"', '""')}"`;
    await database.query(`create schema if not exists naughty`);
    await database.query(`create table naughty.${quoted} (${quoted} int4 primary key, "b" text)`);
    await database.query(`insert into naughty.${quoted} values (1, 'x'), (2, null)`);
    const source = sourceOf(
      database.url,
      { kind: "table", table: { schema: "naughty", name } },
      { key: [name] },
    );
    const partitions = await planned(source, [name], { partitionRows: 1 });
    expect((await readAll(source, [name, "b"], { partitions })).rows).toEqual([
      [1, "x"],
      [2, null],
    ]);
    const none = sourceOf(
      database.url,
      { kind: "table", table: { schema: "naughty", name } },
      { key: [name], consistency: "none" },
    );
    await database.query(`analyze naughty.${quoted}`);
    expect(
      (await readAll(none, [name], { partitions: await planned(none, [name], { partitionRows: 1 }) })).rows,
    ).toEqual([[1], [2]]);
    await database.query(`drop table naughty.${quoted}`);
  });
});
