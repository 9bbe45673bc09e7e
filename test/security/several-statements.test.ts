/** `input.query` is one statement to the server: what closes its parenthesis and begins another statement is refused. */
import { beforeEach, expect, test } from "vitest";
import type { Run } from "../../src/job/run.js";
import { openSession } from "../../src/postgres/session.js";
import { describeInput } from "../../src/sources/postgres/describe-input.js";
import { estimate, hasRows } from "../../src/sources/postgres/estimate.js";
import { relationOf, select } from "../../src/sources/postgres/input-sql.js";
import { inputKeeper } from "../../src/sources/postgres/keep-input.js";
import type { PostgresPartition } from "../../src/sources/postgres/postgres-input.js";
import { connectionUrl } from "../../src/wiring/resolve-connection.js";
import { migrateAt } from "../support/postgres-ledgers.js";
import { inputOf, planned, queryOf, readAll, sourceOf } from "../support/postgres-source.js";
import { flightsTable } from "../support/table-project.js";

const table = flightsTable(20);
const attack =
  "select * from flights) a; commit; drop table victim; create table victim_was_dropped (); commit; begin read only; select * from (select * from flights";
const attackWithHaving = "select * from flights where false) as a; drop table victim; --";

beforeEach(async () => {
  await table.database.query("drop table if exists victim, victim_was_dropped; create table victim (a int)");
});

async function victims(): Promise<readonly string[]> {
  const rows = await table.database.query<{ name: string }>(
    "select relname as name from pg_class where relname like 'victim%' order by 1",
  );
  return rows.map(({ name }) => name);
}

test.each(["validate", "explain", "plan", "preview", "run"])(
  "%s refuses several statements",
  async (command) => {
    table.project.writeJob({ input: `query: "${attack}"` });
    const ended = table.project.nightshift(command, "flights", "--json");
    expect(await victims(), ended.stderr).toEqual(["victim"]);
    expect(ended.status).toBe(2);
    expect(ended.stdout + ended.stderr).toContain('"postgres.several-statements"');
  },
);

test.each([[attack], [attackWithHaving]])("each statement that holds a query is one: %s", async (text) => {
  const { url } = table.database;
  const address = connectionUrl(url, { environment: {} }, "the test's URL");
  const read = queryOf(text);
  const relation = relationOf(read);
  const session = await openSession(address, { role: "test" });
  const run = { runId: "r", key: { jobId: "j", scope: "s", generation: 1 } } as unknown as Run;
  const partitions = [0, 1].map((index) => ({ index })) as unknown as readonly PostgresPartition[];
  const kept = (consistency: "snapshot" | "materialize") =>
    inputKeeper(inputOf(url, read, { consistency }), address)?.keep(run, {
      columns: ["flight_id"],
      partitions,
    }) ?? Promise.resolve();
  // Where the query stands inside more parentheses, the first of the statements is incomplete.
  const refused = expect.objectContaining({
    code: expect.stringMatching(/^(postgres\..*|42601)$/),
  });
  const statements: readonly (() => Promise<unknown>)[] = [
    () => describeInput(session, inputOf(url, read)),
    () => estimate(session, select(relation, ["flight_id"])),
    () => hasRows(session, relation),
    () => kept("snapshot"),
    () => kept("materialize"),
  ];
  for (const statement of statements) {
    await expect(statement()).rejects.toEqual(refused);
    expect(await victims()).toEqual(["victim"]);
  }
  await session.end();
});

/** Names and values of 63 bytes at most that end a quotation and begin another statement. */
const hostileName = 'k"; drop table victim; --';
const hostileValues = [
  "'; drop table victim; --",
  "\\'; drop table victim; --",
  '"); drop table victim; --',
  "$1",
  "$$; drop table victim; $$",
  "O'Brien",
  "%s {} \\",
  "",
];
const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;

test.each(["table", "query"])("names and values of keys stay names and values: of a %s", async (kind) => {
  const { database } = table;
  const rows = 4_000;
  const values = `array[${hostileValues.map((value) => `'${value.replaceAll("'", "''")}'`).join(", ")}]`;
  await database.query(`drop table if exists ${quoted(hostileName)};
    create table ${quoted(hostileName)} (${quoted(hostileName)} text not null, n int8 primary key);
    set standard_conforming_strings = on;
    insert into ${quoted(hostileName)}
      select (${values})[1 + n % ${hostileValues.length}] || n, n from generate_series(1, ${rows}) n;
    alter table ${quoted(hostileName)} drop constraint ${quoted(`${hostileName}_pkey`)};
    alter table ${quoted(hostileName)} add primary key (${quoted(hostileName)});
    analyze ${quoted(hostileName)}`);
  const read =
    kind === "table"
      ? ({ kind: "table", table: { schema: null, name: hostileName } } as const)
      : queryOf(
          `select * from ${quoted(hostileName)} where ${quoted(hostileName)} <> $1`,
          hostileValues[0] ?? "",
        );
  const source = sourceOf(database.url, read, { key: [hostileName], consistency: "none" });
  const partitions = await planned(source, [hostileName, "n"], { partitionRows: 500 });
  const found = await readAll(source, [hostileName, "n"], { partitions });
  expect(new Set(found.rows.map(([, n]) => String(n))).size).toBe(rows);
  expect(found.rows.length).toBe(rows);
  expect(await victims()).toEqual(["victim"]);
  const kinds = new Set((partitions as readonly PostgresPartition[]).map(({ range }) => range?.by.kind));
  expect(kinds).toEqual(new Set([kind === "table" ? "key" : "whole"]));
});

test.each([
  ["key", `key: ['flight_id"; drop table victim; --'], table: flights`],
  ["table", `table: 'flights; drop table victim'`],
  ["table with a schema", `table: 'public."flights""; drop table victim; --"'`],
])("%s of the input with SQL in it is no SQL", async (_what, input) => {
  table.project.writeJob({ input });
  for (const command of ["validate", "plan", "explain", "preview", "run"]) {
    const ended = table.project.nightshift(command, "flights", "--json");
    expect(ended.status, command).not.toBe(0);
    expect(await victims(), command).toEqual(["victim"]);
  }
});

test.each([
  'scored"; drop table victim; --',
  "scored'; drop table victim; --",
  "scored$locks$; drop table victim; --",
])("a table that is written, and swapped, may have the name %s", async (name) => {
  await migrateAt(table.database.url);
  table.project.writeJob({
    write: `{ to: "\${FLIGHTS_URL}", table: ${JSON.stringify(`public.${quoted(name)}`)}, mode: replace, create: true }`,
  });
  for (const flags of [[], ["--reprocess"]]) {
    const ended = table.project.nightshift("run", "flights", "--json", ...flags);
    expect(ended.status, ended.stderr).toBe(0);
    expect(await victims()).toEqual(["victim"]);
  }
  expect(await table.database.query(`select count(*)::int as n from public.${quoted(name)}`)).toEqual([
    { n: 20 },
  ]);
});
