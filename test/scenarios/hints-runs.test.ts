/** A run failed by its limits, its worker's software, or what is published: what the hint says publishes every row once. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import {
  type FlightProject,
  flightProject,
  holding,
  keysBelow,
  keysIn,
  otherEngine,
} from "../support/flight-project.js";
import { errorIn, flagsIn } from "../support/hints.js";
import { jsonLinesOf } from "../support/nightshift.js";

let project: FlightProject;

afterEach(() => project.remove());

const specPath = (): string => join(project.cwd, "jobs/flights.yaml");

function editSpec(from: string, to: string): void {
  const text = readFileSync(specPath(), "utf8");
  expect(text).toContain(from);
  writeFileSync(specPath(), text.replace(from, to));
}

test("a partition takes longer than its limit: a higher one and the flags of the hint help", async () => {
  project = flightProject({ files: 2, limits: ["partition_timeout: 4s", "max_attempts: 1"] });
  const hold = holding(project.cwd, { role: "thread", path: "input/01", nth: 1 });
  const { code, hint } = errorIn(project.nightshiftWith(hold.env, "run", "flights", "--json"));
  expect(code).toBe("infra.host-deadline");
  expect(hint).toContain("limits.partition_timeout");
  editSpec("partition_timeout: 4s", "partition_timeout: 50s");
  expect(existsSync(project.out)).toBe(false);
  const helped = project.nightshift("run", "flights", "--json", ...flagsIn(hint));
  expect({ status: helped.status, last: jsonLinesOf(helped).at(-1) }).toMatchObject({
    status: 0,
    last: { status: "published" },
  });
  expect(await keysIn(project.out)).toEqual(keysBelow(project.rows));
});

test.each(["the version it was planned for", "--restart"])(
  "a run was planned with another version of ONNX Runtime: %s helps",
  async (way) => {
    project = flightProject({ files: 3 });
    const other = otherEngine();
    const hold = holding(project.cwd, { role: "thread", path: "input/01", nth: 1 });
    const env = { ...hold.env, NODE_OPTIONS: `${other.NODE_OPTIONS} ${hold.env.NODE_OPTIONS}` };
    const run = project.start(["run", "flights", "--json"], { env });
    await hold.reached();
    run.child.kill("SIGKILL");
    await run.finished;
    const { code, hint, details } = errorIn(project.nightshift("retry", "--json"));
    expect({ code, wanted: details.wanted }).toEqual({ code: "model.engine-mismatch", wanted: "1.29.0" });
    expect(hint).toContain(way);
    const helped =
      way === "--restart"
        ? project.nightshift("run", "flights", ...flagsIn(hint))
        : project.nightshiftWith(other, "retry");
    expect(helped.status).toBe(0);
    expect(await keysIn(project.out)).toEqual(keysBelow(project.rows));
  },
);

test("nothing is left to roll back: the flags of the hint publish again", async () => {
  project = flightProject({ files: 2 });
  expect(project.nightshift("run", "flights").status).toBe(0);
  const { code, hint } = errorIn(project.nightshift("rollback", "flights", "--json"));
  expect(code).toBe("refused.nothing-to-roll-back");
  const helped = project.nightshift("run", "flights", "--json", ...flagsIn(hint));
  expect(jsonLinesOf(helped).at(-1)).toMatchObject({
    status: "published",
    run: { key: { generation: 2 } },
  });
  expect(await keysIn(project.out)).toEqual(keysBelow(project.rows));
});

/** Takes 800 MiB for the last file, which no plan tries. */
const grasping = `const kept = [];
export default (chunk) => {
  if (chunk.numbers("flight_id")[0] >= 100) kept.push(Buffer.alloc(800 * 2 ** 20, 1));
  return chunk;
};
`;

test("a host may not hold what a partition needs: the variable of the hint and retry help", async () => {
  project = flightProject({
    files: 3,
    post: grasping,
  });
  const few = { NIGHTSHIFT_MEMORY: "700MiB" };
  const { code, hint } = errorIn(project.nightshiftWith(few, "run", "flights", "--json"));
  expect(code).toBe("data.partition-poisoned");
  expect(hint).toContain("NIGHTSHIFT_MEMORY");
  expect(hint).toContain("nightshift retry");
  expect(project.nightshiftWith({ NIGHTSHIFT_MEMORY: "4GiB" }, "retry").status).toBe(0);
  expect(await keysIn(project.out)).toEqual(keysBelow(project.rows));
}, 120_000);
