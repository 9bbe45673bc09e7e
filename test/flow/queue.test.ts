/** Runs over a queue: workers in processes of their own, on a real Redis or Postgres, and what may happen to them. */
import { afterEach, describe, expect, test } from "vitest";
import { keysBelow, keysIn } from "../support/flight-project.js";
import { jsonLinesOf } from "../support/nightshift.js";
import { type Fleet, queueFleet } from "../support/queue-fleet.js";

let fleet: Fleet | null = null;

afterEach(async () => {
  await fleet?.remove();
  fleet = null;
});

describe.each(["redis", "postgres"] as const)("over %s", (kind) => {
  test("two workers score a run, and every row is published once", async () => {
    fleet = await queueFleet(kind, { files: 8 });
    const { project } = fleet;
    const workers = [await fleet.worker(), await fleet.worker()];
    const finished = await fleet.run().finished;
    expect(finished).toMatchObject({ status: 0, stderr: "" });
    expect(jsonLinesOf(finished).at(-1)).toMatchObject({ status: "published", rowsScored: project.rows });
    expect(await keysIn(project.out)).toEqual(keysBelow(project.rows));
    const done = workers.map(
      ({ events }) => events.filter(({ type }) => type === "partition.accepted").length,
    );
    expect(done.reduce((sum, each) => sum + each, 0)).toBe(8);
  });
});
