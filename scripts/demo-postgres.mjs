// npm run demo:postgres [-- --stay]: the demo's week of flights, from Parquet into a table of a PostgreSQL that is started
// for it, looked at, rolled back and looked at again. `--stay` keeps the server until Ctrl-C.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import pg from "pg";
import { makePaint } from "../dist/cli/output/paint.js";
import { psqlTable } from "./psql-table.mjs";
import { startPostgres } from "./servers.mjs";

const week = ["--from", "2001-06-11", "--to", "2001-06-17"];
const root = fileURLToPath(new URL("..", import.meta.url));
const folder = "nightshift-demo-postgres";
const project = join(process.cwd(), folder);
const { values: flags } = parseArgs({ options: { stay: { type: "boolean", default: false } } });
const paint = makePaint(process.stdout.isTTY === true && (process.env.NO_COLOR ?? "") === "");

/** The job of `npm run demo`, with a table where its files were. */
const inATable = [
  ["  to: ../out/flight-delay\n", ["  to: $", "{DATABASE_URL}\n  table: flight_delay\n"].join("")],
  ["  partition_by: [dt]\n", "  create: true # the table, from what the model gives\n"],
];

const byNight = `select dt, count(*) as flights, sum(is_late) as "called late", round(avg(p_late)::numeric, 4) as p_late
from flight_delay group by dt order by dt;`;
const record = `select p.publication, r.run_id, (p.details ->> 'rows')::int as rows, p.rolled_back_at is not null as rolled_back
from nightshift.publications p join nightshift.runs r on r.sequence = p.run order by p.publication;`;

makeProject();
const server = await startPostgres(`${root}.cache/demo-postgres`, {});
try {
  await ask(server.url(), "create database demo");
  await play(server.url("demo"));
} finally {
  await server.remove();
}

async function play(url) {
  const { rows } = await ask(url, "show server_version");
  console.log(`${paint.bold("Will this flight be more than 15 minutes late?")}
A scikit-learn model scores a week of real US flights into a table of PostgreSQL, one run a night.
${paint.dim(`The job: ${folder}/jobs/flight-delay.yaml`)}
${paint.dim(`The server: PostgreSQL ${rows[0].server_version}, started for this; it keeps the record of runs, too`)}`);

  nightshift(url, "migrate");
  nightshift(url, "backfill", "flight-delay", ...week);
  await show(url, byNight);
  await show(url, record);
  nightshift(url, "rollback", "flight-delay");
  await show(url, byNight);
  nightshift(url, "backfill", "flight-delay", ...week);
  if (!flags.stay) {
    console.log(
      `\nThe server and its data are gone now. To keep them until Ctrl-C: npm run demo:postgres -- --stay`,
    );
    return;
  }
  console.log(`\nThe server stays until Ctrl-C. In another terminal:
  export DATABASE_URL=${url} NIGHTSHIFT_LEDGER=${url}
  cd ${folder}
  npx nightshift ls runs`);
  await interrupted();
}

/** Files that the user changed in a demo's folder are kept. */
function makeProject() {
  for (const path of ["schema/job.v1.json", "fixtures/models/flight-delay.onnx", "fixtures/flights"]) {
    const to = join(project, path);
    if (existsSync(to)) continue;
    mkdirSync(dirname(to), { recursive: true });
    cpSync(join(root, path), to, { recursive: true });
  }
  const job = join(project, "jobs/flight-delay.yaml");
  if (existsSync(job)) return;
  mkdirSync(dirname(job), { recursive: true });
  let text = readFileSync(join(root, "jobs/flight-delay.yaml"), "utf8");
  for (const [files, table] of inATable) {
    if (!text.includes(files))
      throw new Error(`jobs/flight-delay.yaml has no line any more that reads:\n${files}`);
    text = text.replace(files, () => table);
  }
  writeFileSync(job, text);
}

/** A command as a user would type it; the demo ends if it fails. */
function nightshift(url, ...words) {
  console.log(`\n${paint.bold(`$ nightshift ${words.join(" ")}`)}`);
  const { status } = spawnSync(process.execPath, [`${root}dist/bundle/cli.js`, ...words], {
    cwd: project,
    // Both streams here, so that their lines stay in order in a pipe.
    stdio: ["inherit", 1, 1],
    env: { ...process.env, DATABASE_URL: url, NIGHTSHIFT_LEDGER: url },
  });
  if (status === 0) return;
  process.exitCode = status ?? 1;
  throw new Error(`nightshift ${words.join(" ")} ended with ${status}`);
}

async function show(url, statement) {
  console.log(`\n${paint.bold(`demo=# ${statement.replaceAll("\n", "\n       ")}`)}`);
  console.log(psqlTable(await ask(url, statement)));
}

async function ask(url, statement) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await client.query(statement);
  } finally {
    await client.end();
  }
}

function interrupted() {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, resolve);
  });
}
