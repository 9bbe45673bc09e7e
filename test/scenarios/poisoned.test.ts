/** Partitions that kill the worker host or overrun their time: they are blamed, no other partition is, and the rest finishes. */
import { existsSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import type { PartitionState } from "../../src/job/partition.js";
import {
  crashing,
  type FlightProject,
  flightModel,
  flightProject,
  holding,
  keysBelow,
  keysIn,
} from "../support/flight-project.js";
import { jsonLinesOf } from "../support/nightshift.js";

let project: FlightProject;

afterEach(() => project.remove());

test("a file that kills the host: three deaths alone, all others finish, nothing is published, errors names it", async () => {
  project = flightProject({ threads: 2 });
  const bad = project.inputPath(2);
  const failed = project.nightshiftWith(
    { ...crashing({ role: "thread", path: "input/02", nth: 0 }), NIGHTSHIFT_THREADS: "2" },
    "run",
    "flights",
    "--json",
  );
  expect(failed.status).toBe(1);
  const lines = jsonLinesOf(failed);
  expect(lines.at(-1)).toMatchObject({
    status: "failed",
    exitCode: 1,
    rows: { read: 250 },
    error: { kind: "data", code: "data.partition-poisoned", details: { partitions: [2] } },
  });
  // Once in company, then alone until it is clear whose fault it is.
  expect(lines.filter(({ type }) => type === "host.died")).toHaveLength(4);
  expect(lines.filter(({ type }) => type === "partition.accepted")).toHaveLength(5);
  expect(existsSync(project.out)).toBe(false);

  const partitions: readonly PartitionState[] = JSON.parse(
    project.nightshift("ls", "partitions", "--json").stdout,
  );
  for (const { index, status, soloDeaths, attempts, lastError } of partitions) {
    if (index !== 2)
      expect({ index, status, soloDeaths, attempts }).toEqual({
        index,
        status: "accepted",
        soloDeaths: 0,
        attempts: 0,
      });
    else {
      expect({ status, soloDeaths, attempts }).toEqual({ status: "poisoned", soloDeaths: 3, attempts: 0 });
      expect(lastError).toMatchObject({ code: "infra.host-died", details: { file: bad, signal: "SIGSEGV" } });
    }
  }
  const errors = project.nightshift("errors");
  expect(errors.status).toBe(0);
  expect(errors.stdout).toMatch(/^ +2 +poisoned/m);
  expect(errors.stdout).toContain(`while it had ${bad} open`);
  expect(errors.stdout).toContain(
    "Partition 2 killed the worker host three times, each time alone in a fresh one",
  );

  // The cause is repaired: the same run continues.
  const retried = project.nightshift("retry", "--json");
  expect(retried.status).toBe(0);
  expect(jsonLinesOf(retried).at(-1)).toMatchObject({ status: "published", rowsScored: 50 });
  expect(await keysIn(project.out)).toEqual(keysBelow(project.rows));
});

test("a file that kills the host while it plans is named; left out, the rest is scored", async () => {
  project = flightProject({ files: 2 });
  const crash = crashing({ role: "host", path: "input/01", nth: 0 });
  const failed = project.nightshiftWith(crash, "run", "flights");
  expect(failed).toMatchObject({ status: 1, stdout: "" });
  expect(failed.stderr).toContain(
    `error: ${project.inputPath(1)} cannot be decoded: it crashes the Parquet reader.\n`,
  );
  expect(failed.stderr).toContain("hint: The file is damaged");
  expect(existsSync(project.out)).toBe(false);
  expect(
    project.nightshiftWith(
      crash,
      "score",
      flightModel,
      "input/00.parquet",
      "-o",
      "out/",
      "--key",
      "flight_id",
    ).status,
  ).toBe(0);
  expect(await keysIn(project.out)).toEqual(keysBelow(50));
});

test("a partition past its time limit is killed and blamed; those beside it are not, and retry continues", async () => {
  project = flightProject({
    files: 4,
    threads: 2,
    limits: ["partition_timeout: 8s", "max_attempts: 1"],
  });
  const stuck = project.inputPath(1);
  const held = holding(project.cwd, { role: "thread", path: "input/01", nth: 1 });
  const failed = await project.start(["run", "flights", "--json"], {
    env: { ...held.env, NIGHTSHIFT_THREADS: "2" },
  }).finished;
  expect(failed.status).toBe(1);
  expect(jsonLinesOf(failed).at(-1)).toMatchObject({
    status: "failed",
    exitCode: 1,
    error: {
      code: "infra.host-deadline",
      message: expect.stringContaining("Stopped after 8 s, its time limit"),
    },
  });
  expect(existsSync(project.out)).toBe(false);
  const partitions: readonly PartitionState[] = JSON.parse(
    project.nightshift("ls", "partitions", "--json").stdout,
  );
  expect(partitions.map(({ attempts }) => attempts)).toEqual([0, 1, 0, 0]);
  expect(partitions[1]).toMatchObject({
    status: "failed",
    lastError: { code: "infra.host-deadline", details: { file: stuck } },
  });

  expect(project.nightshift("retry").status).toBe(0);
  expect(await keysIn(project.out)).toEqual(keysBelow(project.rows));
});
