/** Tables that are altered between a publication and what comes next. */
import { describe, expect, it } from "vitest";
import type { PostgresWrite } from "../../src/sinks/postgres/postgres-write.js";
import { runOf } from "../support/file-target.js";
import { freshTarget, type PostgresTarget, stageRun } from "../support/postgres-target.js";

async function publish(
  target: PostgresTarget,
  id: string,
  parts: Partial<PostgresWrite>,
  ids: readonly number[],
): Promise<void> {
  const run = runOf(id);
  await target.sink(parts).publish(run, "f", await stageRun(target, run, [{ ids }], parts));
}

describe("a rollback over a column that was added since", () => {
  const cases: readonly (readonly [string, Partial<PostgresWrite>, string])[] = [
    ["append", { mode: "append", key: ["id"] }, ""],
    ["upsert", { mode: "upsert", key: ["id"] }, ""],
    ["replace, by swapping", { mode: "replace", key: ["id"] }, ""],
    ["replace, in place", { mode: "replace", key: ["id"] }, "create view seen as select id from scores"],
  ];
  it.each(cases)("%s: rows come back, with its default", async (_name, parts, before) => {
    const target = await freshTarget();
    const { database } = target;
    await publish(target, "first", parts, [1, 2]);
    if (before !== "") await database.query(before);
    await publish(target, "second", parts, [2, 3]);
    await database.query("alter table scores add column note text default 'new'");
    await target.sink(parts).rollback();
    const rows = await database.query<{ id: number; score: number; note: string }>(
      "select id::int, score, note from scores order by id",
    );
    expect(rows).toEqual([
      { id: 1, score: 1 / 8, note: "new" },
      { id: 2, score: 2 / 8, note: "new" },
    ]);
  });
});

describe("a table that is altered after rows were staged for it", () => {
  const append = { mode: "append", key: ["id"] } as const;

  it.each([
    ["alter column score type numeric(3, 1)", "score was real, and is numeric(3,1)"],
    ["alter column score type text", "score was real, and is text"],
    ["drop column score", "score is gone"],
    ["drop column nightshift_run", "no nightshift_run"],
  ])("%s: nothing is converted in silence, and nothing is published", async (change, told) => {
    const target = await freshTarget();
    await publish(target, "first", append, [1]);
    const run = runOf("second");
    const receipts = await stageRun(target, run, [{ ids: [2, 3] }], append);
    await target.database.query(`alter table scores ${change}`);
    await expect(target.sink(append).publish(run, "f", receipts)).rejects.toMatchObject({
      kind: "spec",
      message: expect.stringContaining(told),
    });
    expect(await target.database.query("select id::int from scores")).toEqual([{ id: 1 }]);
    expect(await target.sink(append).lookup(run.id)).toBeNull();
  });

  it("publishes once it is altered back", async () => {
    const target = await freshTarget();
    await publish(target, "first", append, [1]);
    const run = runOf("second");
    const receipts = await stageRun(target, run, [{ ids: [2] }], append);
    await target.database.query("alter table scores alter column score type float8");
    await expect(target.sink(append).publish(run, "f", receipts)).rejects.toMatchObject({
      code: "refused.target-altered",
    });
    await target.database.query("alter table scores alter column score type real");
    expect(await target.sink(append).publish(run, "f", receipts)).toMatchObject({ outcome: "commit" });
  });
});
