/** `input.query` is one statement to the server: what closes its parenthesis and begins another statement is refused. */
import { beforeEach, expect, test } from "vitest";
import type { Partition } from "../../src/partition.js";
import { openSession } from "../../src/postgres/session.js";
import type { Run } from "../../src/run.js";
import { describeInput } from "../../src/sources/postgres/describe-input.js";
import { estimate, hasRows } from "../../src/sources/postgres/estimate.js";
import { relationOf, select } from "../../src/sources/postgres/input-sql.js";
import { inputKeeper } from "../../src/sources/postgres/keep-input.js";
import { connectionUrl } from "../../src/wiring/resolve-connection.js";
import { inputOf, queryOf } from "../support/postgres-source.js";
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
  const partitions = [0, 1].map((index) => ({ index })) as unknown as readonly Partition[];
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
