/** Rows that cannot be scored, end to end: what each policy does with them, and that every row is accounted for. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parquetWriteFile } from "hyparquet-writer";
import { afterAll, beforeAll, expect, test } from "vitest";
import { flightModel, keysBelow, rowsIn } from "../support/flight-project.js";
import { type Finished, jsonLinesOf, nightshift } from "../support/nightshift.js";

const rowsAFile = 500;
const rows = 2 * rowsAFile;
const nulls = keysBelow(rows).filter((key) => key % 100 === 7);
const notNumbers = keysBelow(rows).filter((key) => key % 200 === 13);
const overflows = keysBelow(rows).filter((key) => key % 250 === 21);
const bad = new Set([...nulls, ...notNumbers, ...overflows]);
let cwd: string;

beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "nightshift-rows-"));
  mkdirSync(join(cwd, "input"));
  mkdirSync(join(cwd, "jobs"));
  for (const file of [0, 1]) {
    const keys = keysBelow(rowsAFile).map((row) => file * rowsAFile + row);
    parquetWriteFile({
      filename: inputOf(keys[0] ?? 0),
      columnData: [
        { name: "flight_id", data: keys.map(BigInt), type: "INT64" },
        { name: "distance", data: keys.map((key) => 100 + key), type: "DOUBLE" },
        { name: "hour", data: keys.map(hourOf), type: "DOUBLE" },
        { name: "origin", data: keys.map(() => "ATL"), type: "STRING" },
        { name: "destination", data: keys.map(() => "MSY"), type: "STRING" },
      ],
    });
  }
});

afterAll(() => rmSync(cwd, { recursive: true, force: true }));

function hourOf(key: number): number | null {
  if (nulls.includes(key)) return null;
  if (notNumbers.includes(key)) return Number.NaN;
  return overflows.includes(key) ? 1e300 : key % 24;
}

function inputOf(key: number): string {
  return join(cwd, "input", `${Math.floor(key / rowsAFile)}.parquet`);
}

function reasonOf(key: number): string {
  return nulls.includes(key) || notNumbers.includes(key) ? "null_value" : "cast_overflow";
}

/** Writes a job of that name and runs it. */
function run(name: string, limits: readonly string[], ...argv: readonly string[]): Finished {
  const lines = [
    "version: 1",
    `name: ${name}`,
    `model: ${flightModel}`,
    "input: { from: ../input/*.parquet, key: [flight_id] }",
    "features: { hour: { column: hour, cast: lossy } }",
    `write: { to: ../out/${name}, mode: replace }`,
    "limits:",
    ...[`partition_rows: ${rowsAFile}`, "threads: 1", ...limits].map((line) => `  ${line}`),
  ];
  writeFileSync(join(cwd, `jobs/${name}.yaml`), `${lines.join("\n")}\n`);
  return nightshift(cwd, "run", name, ...argv);
}

const outputOf = (name: string): string => join(cwd, "out", name);

test("fail, the default: the first bad row ends the run by its file and number, and nothing is published", () => {
  const failed = run("strict", []);
  expect(failed).toMatchObject({ status: 1, stdout: "" });
  expect(failed.stderr).toContain(
    `error: ${inputOf(0)}, row 7 (key column: flight_id): column "hour" is null [null_value]\n`,
  );
  expect(failed.stderr).toContain("features: { hour: { column: hour, nulls: … } }");
  expect(failed.stderr).toMatch(/hint: .*`on_row_error: quarantine`/);
  expect(existsSync(outputOf("strict"))).toBe(false);
  const errors = nightshift(cwd, "errors");
  expect(errors.stdout).toMatch(/^ +0 +failed +1 +data\.row-failed: /m);
});

test("quarantine: exit 4, every bad row lies beside the output with its reason, all others are published", async () => {
  const finished = run("aside", ["on_row_error: quarantine"]);
  expect(finished).toMatchObject({ status: 4, stdout: "" });
  expect(finished.stderr).toContain("rows in     1,000 = 981 predicted + 19 quarantined + 0 filtered\n");
  expect(finished.stderr).toContain("19 rows: 15 null_value, 4 cast_overflow\n");

  const published = await rowsIn(outputOf("aside"));
  expect(published.map((row) => Number(row.flight_id))).toEqual(
    keysBelow(rows).filter((key) => !bad.has(key)),
  );
  const quarantine = join(cwd, "out/aside.quarantine");
  const [runId = ""] = readdirSync(quarantine);
  const aside = await rowsIn(join(quarantine, runId));
  expect(aside.map(({ message: _message, ...row }) => row)).toEqual(
    [...bad]
      .sort((a, b) => a - b)
      .map((key) => ({
        flight_id: BigInt(key),
        file: inputOf(key),
        row_number: BigInt(key % rowsAFile),
        reason: reasonOf(key),
      })),
  );
  for (const { message } of aside) expect(message).toMatch(/^column "hour" (is null|holds a number)/);

  const again = run("aside", ["on_row_error: quarantine"], "--reprocess", "--quarantine-exit-zero");
  expect(again.status).toBe(0);
});

test("errors groups the reasons, most rows first, with where they are and what they look like", () => {
  const { stdout } = nightshift(cwd, "errors", "--json", "--sample", "1");
  expect(JSON.parse(stdout).reasons).toMatchObject([
    {
      reason: "null_value",
      rows: 15,
      samples: [{ file: inputOf(7), row: 7, key: { flight_id: 7 } }],
    },
    { reason: "cast_overflow", rows: 4, samples: [{ row: 21 }] },
  ]);
  expect(nightshift(cwd, "errors").stdout).toContain("19 of 1,000 rows went wrong");
});

test("emit_null: every row is published, with nulls for the predictions of the bad ones", async () => {
  const finished = run("nulled", ["on_row_error: emit_null"], "--json");
  expect(finished.status).toBe(0);
  expect(jsonLinesOf(finished).at(-1)).toMatchObject({
    rows: { read: rows, predicted: rows, quarantined: 0, filtered: 0 },
    reasons: { null_value: 15, cast_overflow: 4 },
  });
  const published = await rowsIn(outputOf("nulled"));
  expect(published.map((row) => Number(row.flight_id))).toEqual(keysBelow(rows));
  for (const row of published) {
    const predictions = [row.prediction, row.probability_0, row.probability_1];
    expect(predictions.every((value) => (value === null) === bad.has(Number(row.flight_id)))).toBe(true);
  }
});

test.each([
  ["max_error_rows: 18", "max_error_rows 18"],
  ["max_error_fraction: 0.018", "max_error_fraction 0.018"],
])("%s is overspent by 19 of 1,000: the run fails and publishes nothing", (limit, told) => {
  const name = limit.startsWith("max_error_rows") ? "few-rows" : "small-part";
  for (const policy of ["quarantine", "emit_null"]) {
    const failed = run(`${name}-${policy}`, [`on_row_error: ${policy}`, limit]);
    expect(failed).toMatchObject({ status: 1, stdout: "" });
    expect(failed.stderr).toContain(`more than ${told} allows\n`);
    expect(failed.stderr).toContain(
      "error: 19 of 1,000 rows failed (15 null_value, 4 cast_overflow), more than ",
    );
    expect(existsSync(outputOf(`${name}-${policy}`))).toBe(false);
    expect(nightshift(cwd, "errors").stdout).toMatch(/null_value +15 /);
  }
});

test("a budget that is spent to the last row is kept", () => {
  expect(
    run("enough", ["on_row_error: quarantine", "max_error_rows: 19", "max_error_fraction: 0.019"]),
  ).toMatchObject({
    status: 4,
  });
});
