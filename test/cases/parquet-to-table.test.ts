import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Schema } from "../../src/data/column.js";
import { writtenColumns } from "../../src/sinks/postgres/columns/written-columns.js";
import { copyOfCase } from "../support/cases.js";
import { float32, int64 } from "../support/jobs.js";
import { nightshiftWith } from "../support/nightshift.js";
import { migrateAt } from "../support/postgres-ledgers.js";
import { createDatabase, type TestDatabase } from "../support/postgres-server.js";

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
  await migrateAt(database.url);
}, 60_000);
afterAll(() => database.drop());

interface CaseSpec {
  readonly input: object;
  readonly write: object;
}

/** Runs a case's job. @param change of the job's text, which is JSON */
function runCase(name: string, command: string, change: (job: CaseSpec) => object = (job) => job) {
  const folder = copyOfCase(name);
  const path = join(folder, "jobs", "j.yaml");
  writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, "utf8")))));
  const { status, stdout, stderr } = nightshiftWith(
    { DATABASE_URL: database.url },
    folder,
    command,
    "jobs/j.yaml",
  );
  return { status, text: stdout + stderr };
}

const quarantined = { on_row_error: "quarantine" } as const;

it("pg-longlabels: planning refuses names that PostgreSQL would cut off, and says how to rename them", () => {
  expect(runCase("pg-longlabels", "plan")).toMatchObject({
    status: 2,
    text: expect.stringMatching(/63[\s\S]*outputs: .*columns: /),
  });
});

describe("pg-nul-text: a kept text with U+0000", () => {
  it("fails its row by name", async () => {
    const { status, text } = runCase("pg-nul-text", "run");
    expect({ status, text }).toMatchObject({ status: 1 });
    expect(text).toMatch(/row 1 .*column "s" holds a text with the character U\+0000/);
  });

  it("is quarantined where the job says so, also where it is the key", async () => {
    const { status } = runCase("pg-nul-text", "run", (job) => ({
      ...job,
      input: { ...job.input, key: ["id", "s"] },
      passthrough: "none",
      limits: quarantined,
    }));
    expect(status).toBe(4);
    const rows = await database.query<{ id: number }>(
      "select id::int as id from pg_nul_text_devlake3564 order by id",
    );
    expect(rows.map(({ id }) => id)).toEqual([1, 3]);
    const [row] = await database.query<{ reason: string; number: number }>(
      "select reason, row_number::int as number from nightshift.quarantine",
    );
    expect(row).toEqual({ reason: "unfit_value", number: 1 });
  });
});

describe("pg-ts-ns: nanoseconds to a table", () => {
  it("are named in the plan, and fail their row by name", () => {
    expect(runCase("pg-ts-ns", "plan")).toMatchObject({
      status: 0,
      text: expect.stringContaining("write.timestamps: round"),
    });
    const { status, text } = runCase("pg-ts-ns", "run");
    expect({ status, text }).toMatchObject({
      status: 1,
      text: expect.stringMatching(/row 0 .*column "t" holds an instant finer/),
    });
  });

  it("are rounded on request", async () => {
    const { status, text } = runCase("pg-ts-ns", "run", (job) => ({
      ...job,
      write: { ...job.write, timestamps: "round" },
    }));
    expect({ status, text }).toMatchObject({ status: 0 });
    const rows = await database.query<{ t: string }>("select t::text as t from pg_ts_ns order by id");
    expect(rows.map(({ t }) => t)).toEqual([
      "1970-01-01 00:00:00",
      "1970-01-01 00:00:00",
      "2024-01-01 00:00:00",
    ]);
  });
});

it("uuid-annotation: a UUID of a file is a uuid of a table, made or found", async () => {
  const folder = copyOfCase("uuid-annotation");
  mkdirSync(join(folder, "jobs"), { recursive: true });
  appendFileSync(
    join(folder, "jobs", "j.yaml"),
    `{ version: 1, name: j, model: ../model.onnx, input: { from: ../in.parquet, key: [u] },
       write: { to: "\${DATABASE_URL}", table: public.uuids, mode: replace, create: true } }`,
  );
  const run = (...argv: readonly string[]) =>
    nightshiftWith({ DATABASE_URL: database.url }, folder, ...argv, "jobs/j.yaml");
  expect(run("run")).toMatchObject({ status: 0, stderr: expect.stringContaining("2 predicted") });
  // The table is there now: its own column takes them in.
  expect(run("run", "--reprocess")).toMatchObject({ status: 0 });
  const rows = await database.query<{ u: string; type: string }>(
    "select u::text as u, pg_typeof(u)::text as type from uuids order by u desc",
  );
  expect(rows).toEqual([
    { u: "71f5ff76-e9ef-4c15-9d0a-d6501fbb3612", type: "uuid" },
    { u: "3ef3f5b0-0714-4c84-95d8-57618838ed00", type: "uuid" },
  ]);
});

describe("columns that no table can have are known when planned", () => {
  const shape = { layout: {}, tableName: "t", vectors: { vector: null, halfvec: null } };
  const named = (...names: readonly string[]): Schema =>
    names.map((name) => ({ name, type: float32, nullable: true }));
  const refused = (schema: Schema): string => {
    try {
      writtenColumns(schema, null, shape);
      return "";
    } catch (error) {
      return (error as Error).message;
    }
  };

  it("more of them than a table has", () => {
    const many = Array.from({ length: 1700 }, (_, at) => `c${at}`);
    expect(refused(named(...many))).toContain("1,700 columns");
    expect(refused(named(...many.slice(0, 1598)))).toBe("");
  });

  it.each([
    "ctid",
    "xmin",
    "xmax",
    "cmin",
    "cmax",
    "tableoid",
    "",
    "a\0b",
    "é".repeat(32),
    "nightshift_attempt",
  ])("the name %j", (name) => {
    expect(refused(named("id", name))).not.toBe("");
  });

  it("63 bytes and capitals are as they are", () => {
    expect(refused([{ name: "x".repeat(63), type: int64, nullable: true }, ...named("CTID")])).toBe("");
  });
});
