/** Inputs that are written to while a run reads them, and then have the size and the time that they had before. */
import {
  chmodSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  statSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { afterEach, expect, test } from "vitest";
import {
  distanceOf,
  type FlightProject,
  flightProject,
  holding,
  keysBelow,
  keysIn,
  writeFlights,
} from "../support/flight-project.js";
import { type Finished, jsonLinesOf } from "../support/nightshift.js";

const rows = 150;
const rowGroupRows = 50;
let project: FlightProject;

afterEach(() => project.remove());

/** A run of one file in three partitions; `meddle` happens after the first of them was read. */
async function runWhile(meddle: (path: string) => void): Promise<Finished> {
  project = flightProject({ files: 1, rowsAFile: rowGroupRows });
  const path = project.inputPath(0);
  writeFlights(path, { first: 0, rows, rowGroupRows, codec: "UNCOMPRESSED" });
  // Whole seconds can be put back exactly.
  utimesSync(path, 1_790_000_000, 1_790_000_000);
  const held = holding(project.cwd, { role: "thread", path: "input/00", nth: 2 });
  const { finished } = project.start(["run", "flights", "--json"], { env: held.env });
  await held.reached();
  const { size } = statSync(path);
  meddle(path);
  utimesSync(path, 1_790_000_000, 1_790_000_000);
  expect(statSync(path)).toMatchObject({ size, mtimeMs: 1_790_000_000_000 });
  held.letGo();
  return finished;
}

/** Writes into the file itself, as `rsync --inplace` does. */
function overwrite(path: string, bytes: Uint8Array, at: number): void {
  const descriptor = openSync(path, "r+");
  writeSync(descriptor, bytes, 0, bytes.byteLength, at);
  closeSync(descriptor);
}

function float64(value: number): Uint8Array {
  return new Uint8Array(Float64Array.of(value).buffer);
}

test("another value in a partition that was read already: refused until it is scored from the beginning", async () => {
  const refused = {
    status: "failed",
    exitCode: 1,
    error: { kind: "data", code: "source.changed", retryable: false },
  };
  const ended = await runWhile((path) => {
    const at = readFileSync(path).indexOf(float64(distanceOf(7)));
    expect(at).toBeGreaterThan(0);
    overwrite(path, float64(distanceOf(7) + 1), at);
  });
  expect(ended.status).toBe(1);
  expect(jsonLinesOf(ended).at(-1)).toMatchObject(refused);
  expect(existsSync(project.out)).toBe(false);

  // All partitions are accepted now; what was found is found again.
  const retried = project.nightshift("retry");
  expect(retried.status).toBe(1);
  expect(retried.stderr).toContain("--restart");
  expect(retried.stderr).not.toContain("retry flights-");
  expect(existsSync(project.out)).toBe(false);

  expect(project.nightshift("run", "flights", "--restart").status).toBe(0);
  expect(await keysIn(project.out)).toEqual(keysBelow(rows));
});

test("the same bytes written again, and another mode: published", async () => {
  const ended = await runWhile((path) => {
    overwrite(path, readFileSync(path), 0);
    chmodSync(path, 0o640);
  });
  expect(ended).toMatchObject({ status: 0 });
  expect(await keysIn(project.out)).toEqual(keysBelow(rows));
});
