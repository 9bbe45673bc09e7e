// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
/** A project whose flights are in a table, and a job that scores them into Parquet files. */
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { flightModel } from "./flight-project.js";
import {
  type Finished,
  nightshiftWith,
  type Running,
  type StartOptions,
  startNightshift,
} from "./nightshift.js";
import { createDatabase, type TestDatabase } from "./postgres-server.js";

/** By key: what {@link flightsSql} fills the table with. */
export const flightsSql = (rows: number): string => `
  create table flights (flight_id int8 primary key, distance float8 not null, hour int8, origin text, destination varchar(3));
  insert into flights select g, 100 + ((g * 7919) % 250007) / 97.0, g % 24,
    case when g % 3 = 0 then 'ATL' else 'DEN' end, 'MSY' from generate_series(0, ${rows - 1}) g;
  analyze flights;`;

export interface FlightsTable {
  readonly database: TestDatabase;
  readonly project: TableProject;
  /** Another project takes the place of this test's. */
  replaceProject(url: string, job: TableJob): void;
}

/** For a file of tests: a database, and before each test a table of flights in it and a project that scores them. */
export function flightsTable(rows: number): FlightsTable {
  let database: TestDatabase;
  let project: TableProject;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    await database.query(`drop table if exists flights cascade; ${flightsSql(rows)}`);
    project = tableProject(database.url);
  });
  afterEach(() => project.remove());
  return {
    get database() {
      return database;
    },
    get project() {
      return project;
    },
    replaceProject(url, job) {
      project.remove();
      project = tableProject(url, job);
    },
  };
}

export interface TableProject {
  readonly cwd: string;
  readonly out: string;
  nightshift(...argv: readonly string[]): Finished;
  start(argv: readonly string[], options?: StartOptions): Running;
  /** Writes `jobs/flights.yaml` anew. */
  writeJob(options: TableJob): void;
  remove(): void;
}

export interface TableJob {
  /** In braces after `from` and `key`. */
  readonly input?: string;
  readonly write?: string;
  readonly partitionRows?: number;
  readonly more?: readonly string[];
}

export function tableProject(url: string, job: TableJob = {}): TableProject {
  const cwd = realpathSync(mkdtempSync(join(tmpdir(), "nightshift-table-")));
  const env = { FLIGHTS_URL: url };
  mkdirSync(join(cwd, "jobs"));
  cpSync(flightModel, join(cwd, "model.onnx"));
  const writeJob = ({ input, write, partitionRows, more = [] }: TableJob): void =>
    writeFileSync(
      join(cwd, "jobs/flights.yaml"),
      [
        "version: 1",
        "name: flights",
        "model: ../model.onnx",
        `input: { from: "\${FLIGHTS_URL}", key: [flight_id], ${input ?? "table: flights"} }`,
        `write: ${write ?? "{ to: ../out, mode: replace }"}`,
        `limits: { threads: 1, partition_rows: ${partitionRows ?? 500} }`,
        ...more,
        "",
      ].join("\n"),
    );
  writeJob(job);
  return {
    cwd,
    out: join(cwd, "out"),
    nightshift: (...argv) => nightshiftWith(env, cwd, ...argv),
    start: (argv, options = {}) =>
      startNightshift(cwd, argv, { ...options, env: { ...env, ...options.env } }),
    writeJob,
    remove: () => rmSync(cwd, { recursive: true, force: true }),
  };
}
