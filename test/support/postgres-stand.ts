// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
/**
 * Where runs on PostgreSQL are disturbed: a server, a proxy through which all processes reach it, a project with flights in
 * files and in a table, and a database for every mode in which release 1 is published already.
 */
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { type RunningCli, startCli } from "./cli.js";
import { type CuttingProxy, cuttingProxy } from "./cutting-proxy.js";
import { flightModel, writeFlights } from "./flight-project.js";
import { migrateAt } from "./postgres-ledgers.js";
import { type PostgresServer, queryAt, startServer } from "./postgres-server.js";
import { flightsSql } from "./table-project.js";

export const modes = ["replace", "append", "upsert"] as const;
/** Files, or the table under one of its consistencies. */
export const inputs = ["parquet", "none", "materialize", "snapshot"] as const;
export type Mode = (typeof modes)[number];
export type Input = (typeof inputs)[number];

export const partitions = 4;
const rowsAPartition = 50;
export const rows = partitions * rowsAPartition;

export interface Stand {
  readonly server: PostgresServer;
  readonly proxy: CuttingProxy;
  /** A database in which release 1 is published, and a job that publishes release 2. */
  reset(mode: Mode, input: Input): Promise<void>;
  /** The command line, in a process group of its own. */
  start(...args: readonly string[]): RunningCli;
  /** Past the proxy. */
  query<R extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<readonly R[]>;
  /** The newest run but the one that published release 1. */
  newestRun(): Promise<RecordedRun | null>;
  /** Two readers in a loop, each on a connection of its own until that breaks. */
  poll(): Readers;
  remove(): Promise<void>;
}

export interface RecordedRun {
  readonly id: string;
  readonly status: string;
  readonly partitions: readonly RecordedPartition[];
}

export interface RecordedPartition {
  readonly index: number;
  readonly status: string;
  readonly epoch: string;
  readonly attempt: string | null;
}

export interface Readers {
  /** @returns every state that one of them saw, and how often they looked */
  stop(): Promise<{ readonly seen: ReadonlySet<string>; readonly looks: number }>;
}

/** Everything about the table except what differs from run to run. */
export const stateSql = `
  select count(*) || ' rows of ' || coalesce(string_agg(distinct release, ' and ' order by release), 'nothing') || ', '
    || count(distinct to_jsonb(t) ->> 'nightshift_run') || ' versions, '
    || md5(coalesce(string_agg(t.cells, ',' order by t.cells), '')) as state
  from (select s.*, (to_jsonb(s) - 'nightshift_run' - 'nightshift_as_of')::text as cells from scores s) t`;

export async function createStand(): Promise<Stand> {
  const server = await startServer({ settings: { max_wal_size: "256MB" } });
  const proxy = await cuttingProxy(server);
  const cwd = makeProject();
  const direct = server.url("trial");
  const url = direct.replace(`:${server.port}/`, `:${proxy.port}/`);
  const firstRuns = new Map<Mode, string>();
  let mode: Mode = "replace";

  const start: Stand["start"] = (...args) =>
    startCli([...args, "--progress", "none", "--ledger", url], { cwd, env: { DATABASE_URL: url } });

  async function clone(template: string): Promise<void> {
    await queryAt(server.url(), "drop database if exists trial with (force)");
    await queryAt(server.url(), `create database trial template ${template}`);
    // A crash before the next checkpoint would set the copy's sequences back to where the template had them.
    await queryAt(server.url(), "checkpoint");
  }

  await queryAt(server.url(), "create database base");
  await migrateAt(server.url("base"));
  await queryAt(server.url("base"), flightsSql(rows));
  for (const each of modes) {
    await clone("base");
    writeJob(cwd, each, "parquet");
    const { code, stderr } = await start("run", "kill", "--var", "release=1").finished;
    if (code !== 0) throw new Error(`release 1 was not published: ${stderr}`);
    const [run] = await queryAt<{ id: string }>(direct, "select id from nightshift.ledger_runs");
    firstRuns.set(each, run?.id ?? "");
    await queryAt(server.url(), `alter database trial rename to published_${each}`);
  }

  return {
    server,
    proxy,
    start,
    async reset(wanted, input) {
      mode = wanted;
      await clone(`published_${mode}`);
      writeJob(cwd, mode, input);
    },
    query: (text, values) => queryAt(direct, text, values),
    async newestRun() {
      const [run] = await queryAt<{ id: string; status: string }>(
        direct,
        `select r.id, s.status from nightshift.ledger_runs r join nightshift.ledger_run_states s on s.run_id = r.id
         where r.id <> $1 order by r.generation desc limit 1`,
        [firstRuns.get(mode)],
      );
      if (run === undefined) return null;
      const found = await queryAt<RecordedPartition & pg.QueryResultRow>(
        direct,
        `select index, status, epoch, attempt_id as attempt from nightshift.ledger_partitions
         where run_id = $1 order by index`,
        [run.id],
      );
      return { ...run, partitions: found };
    },
    poll: () => pollReaders(direct),
    async remove() {
      await proxy.close();
      await server.remove();
      rmSync(cwd, { recursive: true, force: true });
    },
  };
}

function makeProject(): string {
  const cwd = realpathSync(mkdtempSync(join(tmpdir(), "nightshift-stand-")));
  for (const name of ["jobs", "input"]) mkdirSync(join(cwd, name));
  cpSync(flightModel, join(cwd, "model.onnx"));
  for (let index = 0; index < partitions; index++)
    writeFlights(join(cwd, "input", `${index}.parquet`), {
      first: index * rowsAPartition,
      rows: rowsAPartition,
    });
  return cwd;
}

function writeJob(cwd: string, mode: Mode, input: Input): void {
  const from =
    input === "parquet"
      ? "from: ../input/*.parquet"
      : `from: "\${DATABASE_URL}", table: flights, consistency: ${input}`;
  const upsert = mode === "upsert" ? ", key: flight_id" : "";
  writeFileSync(
    join(cwd, "jobs/kill.yaml"),
    [
      "version: 1",
      "name: kill",
      "model: ../model.onnx",
      `input: { ${from}, key: [flight_id] }`,
      "write:",
      `  { to: "\${DATABASE_URL}", table: public.scores, mode: ${mode}${upsert}, create: true,`,
      '    add: { release: "r{{ var.release }}" } }',
      `limits: { partition_rows: ${rowsAPartition}, threads: ${mode === "upsert" ? 2 : 1} }`,
      "",
    ].join("\n"),
  );
}

function pollReaders(url: string): Readers {
  const seen = new Set<string>();
  let looks = 0;
  let isStopped = false;
  async function read(): Promise<void> {
    while (!isStopped) {
      const client = new pg.Client({ connectionString: url });
      client.on("error", () => undefined);
      try {
        await client.connect();
        while (!isStopped) {
          const { rows: found } = await client.query<{ state: string }>(stateSql);
          seen.add(found[0]?.state ?? "no answer");
          looks += 1;
          await pause();
        }
      } catch (error) {
        // A server that is down or starting shows readers nothing; any other fault is something that they see.
        if (!isAway(error)) seen.add(String(error));
        await pause();
      } finally {
        await client.end().catch(() => undefined);
      }
    }
  }
  const reading = Promise.all([read(), read()]);
  return {
    async stop() {
      isStopped = true;
      await reading;
      return { seen, looks };
    },
  };
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 25));

function isAway(thrown: unknown): boolean {
  const { code = "", message = "" } = thrown as { readonly code?: string; readonly message?: string };
  return /^(ECONN|EPIPE|57P0)/.test(code) || /Connection terminated|connection error/i.test(message);
}
