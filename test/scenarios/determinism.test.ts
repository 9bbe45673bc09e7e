/** The same plan gives the same bytes, also after faults, and rows come out in the order they went in. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type FlightProject,
  flightModel,
  flightProject,
  holding,
  keysBelow,
  keysIn,
  rowsIn,
  writeFlights,
} from "../support/flight-project.js";

interface ListedFile {
  readonly path: string;
  readonly rows: number;
  readonly sha256: string;
}

let project: FlightProject;

beforeAll(() => {
  project = flightProject({ files: 6, rowsAFile: 3000, threads: 2, hour: (key) => BigInt(key % 24) });
});

afterAll(() => project.remove());

/** Names and digests in output order. */
function published(): readonly string[] {
  const { files } = JSON.parse(project.nightshift("files", "flights", "--json").stdout) as {
    readonly files: readonly ListedFile[];
  };
  return files.map(({ path, rows, sha256 }) => `${path.split("/").at(-1)} ${rows} ${sha256}`);
}

test("one plan, with one thread and with two, and after a kill: the same files to the byte, in input order", async () => {
  expect(project.nightshift("plan", "flights", "--out", "plan.json").status).toBe(0);
  const threads = (count: number) => ({ NIGHTSHIFT_THREADS: String(count) });
  expect(project.nightshiftWith(threads(1), "run", "plan.json").status).toBe(0);
  const first = published();
  expect(first.length).toBeGreaterThanOrEqual(6);
  expect(await keysIn(project.out)).toEqual(keysBelow(project.rows));

  expect(project.nightshiftWith(threads(2), "run", "plan.json", "--reprocess").status).toBe(0);
  expect(published()).toEqual(first);

  const held = holding(project.cwd, { role: "thread", path: "input/03", nth: 1 });
  const { child, finished } = project.start(["run", "plan.json", "--reprocess"], { env: held.env });
  await held.reached();
  child.kill("SIGKILL");
  await finished;
  expect(project.nightshift("retry").status).toBe(0);
  expect(published()).toEqual(first);
  expect(JSON.parse(project.nightshift("ls", "runs", "--json").stdout)).toHaveLength(3);
});

test("score keeps the order of its inputs over files and row groups, and one file holds what a directory does", async () => {
  const inputs = [2, 0, 1].map((index) => join(project.cwd, `grouped-${index}.parquet`));
  for (const [index, path] of inputs.entries())
    writeFlights(path, { first: index * 1000, rows: 1000, rowGroupRows: 130 });
  const score = ["score", flightModel, ...inputs, "--key", "flight_id", "-o"];
  const env = { NIGHTSHIFT_THREADS: "2" };
  expect(project.nightshiftWith(env, ...score, "all/").status).toBe(0);
  expect(project.nightshiftWith(env, ...score, "all.parquet").status).toBe(0);
  const directory = await rowsIn(join(project.cwd, "all"));
  expect(directory.map((row) => Number(row.flight_id))).toEqual(keysBelow(3000));
  expect(await rowsIn(join(project.cwd, "all.parquet"))).toEqual(directory);
});
