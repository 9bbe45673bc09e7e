// W6: a table to Parquet, Parquet to a table (replaced), Parquet into a table by key (upserted), each scored by W1's model;
// beside a script with psycopg's COPY, pyarrow and ONNX Runtime, and beside what a server can do at all with finished rows
// (raw-postgres.mjs), on one server, in one go. W1's model alone takes longer than that limit: the two ways into a table are
// measured with a linear model over three features as well, which leaves what writing itself takes.
import { createWriteStream, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import pg from "pg";
import { to } from "pg-copy-streams";
import { startPostgres } from "../scripts/servers.mjs";
import { benchStatus } from "./ledger-status.mjs";
import { makeLinearModel } from "./linear-model.mjs";
import { makeW1Data } from "./w1-data.mjs";

/** Who does the part of a job that is the database's, and how often; multi-row statements take long. */
const rivals = {
  copyOut: ["copy-out", "COPY features TO STDOUT, binary", null],
  copyIn: ["copy-in", "COPY FROM STDIN of finished rows, ADD PRIMARY KEY", null],
  insert: ["insert", "multi-row INSERT of finished rows, ADD PRIMARY KEY", 1],
  upsert: ["upsert", "multi-row INSERT ... ON CONFLICT of finished rows", 1],
};

/** A spec's way to name a variable. */
const url = ["$", "{BENCH_URL}"].join("");
const w1Features = 28;
const linearFeatures = 3;
const named = (features) => Array.from({ length: features }, (_, f) => `f${f}`);
const columns = named(w1Features);

/** `python`: with psycopg; `null`: the peer is not run. */
export async function benchPostgres({
  cache,
  cli,
  root,
  model,
  tensors,
  parquet,
  rows,
  python,
  repeat,
  report,
}) {
  // With the durability that people have.
  const server = await startPostgres(cache, { fsync: "on", shared_buffers: "512MB", max_wal_size: "4GB" });
  try {
    const database = await server.createDatabase();
    console.log(`PostgreSQL ${(await database.query("show server_version"))[0].server_version}, fsync on`);
    process.env.BENCH_URL = database.url;
    await fill(database, rows);
    const project = `${cache}/postgres`;
    rmSync(project, { recursive: true, force: true });
    mkdirSync(`${project}/jobs`, { recursive: true });
    const finished = `${cache}/finished.copy`;
    const narrow = `${cache}/w6-${rows}.parquet`;
    const linear = `${cache}/linear.onnx`;
    makeW1Data(narrow, rows, { features: linearFeatures });
    await makeLinearModel(cache, linear, linearFeatures);
    const whole = { model, features: w1Features, from: `from: ${parquet}` };
    const light = { model: linear, features: linearFeatures, from: `from: ${narrow}` };
    const { copyOut, copyIn, insert, upsert } = rivals;
    const into = (table, mode) =>
      `to: "${url}", create: true, table: ours_${table}, mode: ${mode}, key: [id]`;
    const jobs = [
      {
        name: "read",
        what: "table to Parquet",
        ...whole,
        from: `from: "${url}", table: features, consistency: snapshot`,
        write: "to: ../out, mode: replace",
        beside: [copyOut],
      },
      {
        name: "replace",
        what: "Parquet to a table, replaced",
        ...whole,
        write: into("replaced", "replace"),
        beside: [copyIn, insert, upsert],
      },
      {
        name: "linear-replace",
        what: "3 features and a linear model, to a table, replaced",
        ...light,
        write: into("linear_replaced", "replace"),
        beside: [copyIn, insert, upsert],
      },
      {
        name: "upsert",
        what: "Parquet into a table, upserted",
        ...whole,
        write: into("upserted", "upsert"),
        beside: [upsert],
      },
      {
        name: "linear-upsert",
        what: "3 features and a linear model, into a table, upserted",
        ...light,
        write: into("linear_upserted", "upsert"),
        beside: [upsert],
      },
    ];
    const ours = (name) => [cli, "run", `${project}/jobs/${name}.yaml`, "--reprocess", "--progress", "none"];
    await repeat("migrate", process.execPath, [cli, "migrate", "--ledger", database.url], 1);
    const once = new Map();
    const besides = async ([raw, label, count]) => {
      const known = once.get(raw);
      if (known !== undefined) return known;
      const script = [`${root}bench/raw-postgres.mjs`, raw, finished];
      const its = await repeat(raw, process.execPath, script, ...(count === null ? [] : [count]));
      report(`W6 ${label}`, its, rows);
      if (count !== null) once.set(raw, its);
      return its;
    };
    for (const { name, what, beside, ...spec } of jobs) {
      writeFileSync(`${project}/jobs/${name}.yaml`, job(name, spec));
      const mine = await repeat(name, process.execPath, ours(name));
      report(`W6 ${what}: nightshift`, mine, rows);
      if (name === "replace") await keepFinished(database, finished);
      for (const rival of beside) {
        const its = await besides(rival);
        console.log(`W6 ${what}: ${(its.seconds / mine.seconds).toFixed(2)} times as fast as ${rival[1]}.`);
      }
      if (python === null || spec.model !== model) continue;
      const script = `${root}bench/peer_postgres.py`;
      const theirs = await repeat(`peer ${name}`, python, [
        script,
        name,
        tensors,
        parquet,
        `${cache}/peer-table.parquet`,
      ]);
      report(`W6 ${what}: psycopg COPY + pyarrow + ONNX Runtime`, theirs, rows);
      console.log(`W6 ${what}: ${(theirs.seconds / mine.seconds).toFixed(2)} times as fast as the peer.`);
    }
    await verify(database, rows, python !== null);
    const small = `${cache}/w1-1000.parquet`;
    makeW1Data(small, 1000);
    await benchStatus({ database, cache, cli, model, input: small, repeat, report });
  } finally {
    await server.remove();
  }
}

function job(name, { model, features, from, write }) {
  return [
    "version: 1",
    `name: ${name}`,
    `model: ${model}`,
    `input: { ${from}, key: [id] }`,
    `features: { input: { stack: [${named(features).join(", ")}] } }`,
    'outputs: { label: { column: label }, probabilities: { columns: { probability_0: "0", probability_1: "1" } } }',
    `write: { ${write} }`,
    "",
  ].join("\n");
}

async function fill(database, rows) {
  const values = columns.map(() => "(random() * 6 - 3)::float4").join(", ");
  await database.query(
    `create table features (id int8 not null, ${columns.map((name) => `${name} float4 not null`).join(", ")});
     select setseed(0.5);
     insert into features select g, ${values} from generate_series(0, ${rows - 1}) g;
     alter table features add primary key (id);`,
  );
  await database.query("vacuum analyze features");
}

/** What our run published, as a file to copy from. */
async function keepFinished({ url: connectionString }, file) {
  const client = new pg.Client({ connectionString });
  await client.connect();
  const finished = "select id, label, probability_0, probability_1 from ours_replaced order by id";
  await pipeline(client.query(to(`copy (${finished}) to stdout (format binary)`)), createWriteStream(file));
  await client.end();
}

/** A fast wrong answer is none. Rows that lie on the edge may fall either way: engines add up in different orders. */
async function verify(database, rows, withPeer) {
  for (const table of ["raw_copied", "raw_inserted", "raw_upserted"]) {
    const [raw] = await database.query(`select count(*)::int4 as rows from ${table}`);
    if (raw.rows !== rows) throw new Error(`${table} has ${raw.rows} rows`);
  }
  for (const name of ["replaced", "upserted", "linear_replaced", "linear_upserted"]) {
    const [ours] = await database.query(`select count(*)::int4 as rows from ours_${name}`);
    if (ours.rows !== rows) throw new Error(`ours_${name} has ${ours.rows} rows`);
    if (!withPeer || name.startsWith("linear")) continue;
    const [{ different }] = await database.query(
      `select count(*)::int4 as different from ours_${name} o full join theirs_${name} t using (id)
       where o.label is distinct from t.label
         and (o.label is null or t.label is null or abs(o.probability_1 - 0.5) > 1e-6)`,
    );
    if (different > 0) throw new Error(`${different} labels of ours_${name} differ from the peer's`);
  }
}
