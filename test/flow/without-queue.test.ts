/** What is meant for workers of a queue is refused, or said to have no effect, if there is no queue. */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FlightProject, flightProject } from "../support/flight-project.js";

let project: FlightProject;
beforeEach(() => {
  project = flightProject({ files: 1 });
});
afterEach(() => project.remove());

const warningsOf = (stderr: string): readonly string[] =>
  stderr.split("\n").filter((line) => line.startsWith("warning: "));

test("--lane needs a queue", () => {
  expect(project.nightshift("run", "flights").status).toBe(0);
  const commands = [
    ["run", "flights"],
    ["retry"],
    ["score", "model.onnx", "input/*.parquet", "--key", "flight_id", "-o", "scored/"],
  ];
  for (const command of commands) {
    const { status, stderr } = project.nightshift(...command, "--lane", "scheduled", "--json");
    expect({ status, error: JSON.parse(stderr).error }).toMatchObject({
      status: 2,
      error: { code: "usage.no-queue", message: expect.stringContaining("--lane"), hint: expect.any(String) },
    });
  }
});

test("a run in one process warns that runs_on chooses no machine; the usual tag needs none", () => {
  const spec = join(project.cwd, "jobs/flights.yaml");
  appendFileSync(spec, "runs_on: gpu\n");
  const away = project.nightshift("run", "flights");
  expect(away.status).toBe(0);
  expect(warningsOf(away.stderr)).toEqual([expect.stringMatching(/runs_on: gpu.*flights.*--queue/)]);
  const { stderr, status } = project.nightshift("run", "flights", "--reprocess", "--quiet", "--json");
  expect(status).toBe(0);
  expect(stderr).toContain("runs_on: gpu");
});

test("neither runs_on: cpu nor limits are warned of in one process", () => {
  appendFileSync(join(project.cwd, "jobs/flights.yaml"), "runs_on: cpu\n");
  const { status, stderr } = project.nightshift("run", "flights");
  expect({ status, warnings: warningsOf(stderr) }).toEqual({ status: 0, warnings: [] });
});
