// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is how databases are named
/** Features from a column of pgvector, a real network's outputs into one, by the command line. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import { nightshiftWith } from "../support/nightshift.js";
import type { TestDatabase } from "../support/postgres-server.js";
import { freshTarget } from "../support/postgres-target.js";
import { readRows } from "../support/published-rows.js";
import { vectorServer } from "../support/vector-server.js";

const models = fileURLToPath(new URL("../../fixtures/models/", import.meta.url));
const server = vectorServer();

interface Digits {
  readonly database: TestDatabase;
  /** By id: what the library that trained the model says. */
  readonly expected: ReadonlyMap<number, readonly number[]>;
  writeJob(name: string, input: string, write: string): void;
  nightshift(...argv: readonly string[]): { readonly status: number | null; readonly text: string };
}

/** Images of digits in a table, once as vectors and once as halves: pixels are 0 to 16. */
async function digits(): Promise<Digits> {
  const database = await server.createDatabase("extensions");
  const cwd = realpathSync(mkdtempSync(join(tmpdir(), "nightshift-vectors-")));
  onTestFinished(async () => {
    await database.drop();
    rmSync(cwd, { recursive: true, force: true });
  });
  const images = await readRows(`${models}digits.input.parquet`);
  const rows = images.map(({ id, pixels }) => `(${id}, '[${pixels}]', '[${pixels}]')`);
  await database.query(`create table digits
      (id int8 primary key, pixels extensions.vector(64) not null, halves extensions.halfvec(64) not null);
    insert into digits values ${rows.join(", ")}; analyze digits`);
  await freshTarget(database);
  const predictions = await readRows(`${models}digits-cnn.expected.parquet`);
  mkdirSync(join(cwd, "jobs"));
  return {
    database,
    expected: new Map(predictions.map(({ id, linear }) => [Number(id), linear as number[]])),
    writeJob(name, input, write) {
      const job = [
        "version: 1",
        `name: ${name}`,
        `model: ${models}digits-cnn.onnx`,
        `input: { from: "\${DATABASE_URL}", key: [id], ${input} }`,
        "features: { image: { list: pixels, dim: 64 } }",
        `write: { to: "\${DATABASE_URL}", ${write} }`,
        "limits: { threads: 1, partition_rows: 300 }",
      ];
      writeFileSync(join(cwd, `jobs/${name}.yaml`), `${job.join("\n")}\n`);
    },
    nightshift(...argv) {
      const { status, stdout, stderr } = nightshiftWith({ DATABASE_URL: database.url }, cwd, ...argv);
      return { status, text: stdout + stderr };
    },
  };
}

it("vectors become features, and embeddings vectors, with neighbours", async () => {
  const { database, expected, writeJob, nightshift } = await digits();
  writeJob("embed", "table: digits", "table: public.embedded, mode: replace, create: true");
  const plan = nightshift("plan", "embed").text;
  expect(plan).toContain("makes the table public.embedded, with the key id");
  expect(plan).toContain("linear is extensions.vector(10), as the database has pgvector");
  expect(nightshift("run", "embed")).toMatchObject({ status: 0 });

  expect(await worstError(database, "embedded", expected)).toBeLessThan(1e-5);
  const nearest = await database.query<{ id: string }>(
    `select e.id::text from embedded e
     order by linear operator(extensions.<->) (select linear from embedded where id = 1) limit 1`,
  );
  expect(nearest).toEqual([{ id: "1" }]);
});

it("halves become features, and embeddings are rounded to halves where the job says so", async () => {
  const { database, expected, writeJob, nightshift } = await digits();
  writeJob(
    "halve",
    'query: "select id, halves as pixels from digits", consistency: materialize',
    "table: public.halved, mode: upsert, create: true, layout: { linear: halfvec }",
  );
  expect(nightshift("run", "halve")).toMatchObject({ status: 0 });
  // Ten bits behind the leading one, rounded to the nearest.
  const error = await worstError(database, "halved", expected);
  expect(error).toBeLessThan(2 ** -11 + 1e-5);
  expect(error).toBeGreaterThan(2 ** -13);
});

/** Of all numbers of all rows, beside 1 or the number itself if that is larger. */
async function worstError(
  { query }: TestDatabase,
  table: string,
  expected: Digits["expected"],
): Promise<number> {
  const rows = await query<{ id: string; text: string }>(
    `select id::text, linear::text as text from ${table} t order by t.id`,
  );
  expect(rows.map(({ id }) => Number(id))).toEqual([...expected.keys()].sort((a, b) => a - b));
  const errors = rows.flatMap(({ id, text }) =>
    (JSON.parse(text) as number[]).map((value, at) => {
      const wanted = expected.get(Number(id))?.[at] ?? Number.NaN;
      return Math.abs(value - wanted) / Math.max(1, Math.abs(wanted));
    }),
  );
  expect(errors).toHaveLength(rows.length * 10);
  return Math.max(...errors);
}
