/** Tables that somebody alters between a publication and what comes next. */
import { describe, expect, it } from "vitest";
import type { PostgresWrite } from "../../src/job.js";
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
