// What W6 is held against: a server and a client that do nothing but move finished rows.
//
// usage: raw-postgres.mjs copy-in|insert|upsert|copy-out FILE; the database is in BENCH_URL. FILE holds the finished rows
// (id int8, label int8, two float4) as a binary COPY; copy-out writes it nowhere.
import { createReadStream, readFileSync } from "node:fs";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import pg from "pg";
import { from, to } from "pg-copy-streams";

const [, , what, file] = process.argv;
const rowsAStatement = 1000;
const columns = "id int8 not null, label int8, probability_0 float4, probability_1 float4";
const client = new pg.Client({ connectionString: process.env.BENCH_URL });
await client.connect();
try {
  await { "copy-in": copyIn, "copy-out": copyOut, insert, upsert }[what]();
} finally {
  await client.end();
}

/** The limit: no index while rows come, and no reader that could see a part of them. */
async function copyIn() {
  await client.query(`begin; drop table if exists raw_copied; create table raw_copied (${columns})`);
  const copy = client.query(from("copy raw_copied from stdin (format binary)"));
  await pipeline(createReadStream(file, { highWaterMark: 256 * 1024 }), copy);
  await client.query("alter table raw_copied add primary key (id); commit");
}

async function insert() {
  await client.query(`begin; drop table if exists raw_inserted; create table raw_inserted (${columns})`);
  await insertAll("raw_inserted", "");
  await client.query("alter table raw_inserted add primary key (id); commit");
}

async function upsert() {
  await client.query(`create table if not exists raw_upserted (${columns}, primary key (id)); begin`);
  const sets = ["label", "probability_0", "probability_1"].map((name) => `${name} = excluded.${name}`);
  await insertAll("raw_upserted", `on conflict (id) do update set ${sets.join(", ")}`);
  await client.query("commit");
}

async function copyOut() {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const features = Array.from({ length: 28 }, (_, f) => `f${f}`).join(", ");
  await pipeline(
    client.query(to(`copy (select id, ${features} from features) to stdout (format binary)`)),
    nowhere,
  );
}

async function insertAll(table, conflict) {
  const tuples = (rows) =>
    Array.from(
      { length: rows },
      (_, row) => `($${row * 4 + 1}, $${row * 4 + 2}, $${row * 4 + 3}, $${row * 4 + 4})`,
    );
  const statement = (rows) => `insert into ${table} values ${tuples(rows).join(", ")} ${conflict}`;
  const whole = statement(rowsAStatement);
  let values = [];
  for (const row of finishedRows()) {
    values.push(...row);
    if (values.length < rowsAStatement * 4) continue;
    await client.query({ name: "whole", text: whole, values });
    values = [];
  }
  if (values.length > 0) await client.query(statement(values.length / 4), values);
}

/** After the header of 19 bytes: a count of 4, then each value behind its length. */
function* finishedRows() {
  const bytes = readFileSync(file);
  for (let at = 19; bytes.readInt16BE(at) === 4; at += 42)
    yield [
      bytes.readBigInt64BE(at + 6),
      bytes.readBigInt64BE(at + 18),
      bytes.readFloatBE(at + 30),
      bytes.readFloatBE(at + 38),
    ];
}
