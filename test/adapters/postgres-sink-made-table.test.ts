/** Tables that a job makes: what `plan` says of them is what is there afterwards. */
import { describe, expect, it } from "vitest";
import type { PostgresWrite } from "../../src/sinks/postgres/postgres-write.js";
import { batchOf, runOf } from "../support/file-target.js";
import { columnsOf, freshTarget, stageRun } from "../support/postgres-target.js";

const batch = batchOf({ ids: [1, 2] });
const night = { start: "2026-01-01T00:00:00.000Z", end: "2026-01-02T00:00:00.000Z", ds: "2026-01-01" };

describe("the key that plan speaks of is the key that the table gets", () => {
  const cases: readonly (readonly [string, Partial<PostgresWrite>, string])[] = [
    ["append", { mode: "append", key: ["id"] }, "id, nightshift_run"],
    ["upsert", { mode: "upsert", key: ["id"] }, "id"],
    ["replace", { mode: "replace", key: ["id"] }, "id"],
    ["replace by parts", { mode: "replace", key: ["id"], partitionBy: ["score"] }, "id, score"],
  ];
  it.each(cases)("%s", async (_name, parts, key) => {
    const target = await freshTarget();
    const run = { ...runOf("first"), interval: night };
    expect(await target.sink(parts).outlook({ interval: night }, columnsOf(batch))).toEqual([
      `makes the table public.scores, with the key ${key}`,
    ]);
    await target.sink(parts).publish(run, "f", await stageRun(target, run, [{ batch }], parts));
    const [made] = await target.database.query<{ key: string }>(
      "select pg_get_constraintdef(oid) as key from pg_constraint where conrelid = 'scores'::regclass and contype = 'p'",
    );
    expect(made?.key).toBe(`PRIMARY KEY (${key})`);
  });

  it("a job without a key reports no key", async () => {
    const target = await freshTarget();
    expect(await target.sink().outlook({ interval: null }, columnsOf(batch))).toEqual([
      "makes the table public.scores",
    ]);
  });
});
