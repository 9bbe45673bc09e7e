/** Each mode on a real table: what comes, what goes, what stays, and how it is taken back. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import {
  Float32,
  makeVector,
  type RecordBatch,
  Table,
  TimeMillisecond,
  TimestampMillisecond,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { describe, expect, it } from "vitest";
import type { Receipt } from "../../src/job/partition.js";
import type { Run } from "../../src/job/run.js";
import type { PostgresWrite } from "../../src/sinks/postgres/postgres-write.js";
import { outputFileSystem } from "../../src/wiring/output-files.js";
import { freshDirectory, idsIn as idsInFile, runOf } from "../support/file-target.js";
import { columnsOf, freshTarget, idsIn, type PostgresTarget, stageRun } from "../support/postgres-target.js";

/** By id: a score, and the day where it is given. */
function batchOf(scores: { readonly [id: number]: number }, day?: string): RecordBatch {
  const ids = Object.keys(scores).map(Number);
  const [batch] = new Table({
    id: makeVector(BigInt64Array.from(ids, BigInt)),
    score: makeVector(Float32Array.from(Object.values(scores))),
    ...(day === undefined
      ? {}
      : {
          dt: vectorFromArray(
            ids.map(() => day),
            new Utf8(),
          ),
        }),
  }).batches;
  if (batch === undefined) throw new Error("a table of one batch");
  return batch;
}

async function publish(target: PostgresTarget, run: Run, batch: RecordBatch, parts: Partial<PostgresWrite>) {
  const sink = target.sink(parts);
  await sink.check(run, columnsOf(batch));
  return sink.publish(run, "f", await stageRun(target, run, [{ batch }], parts));
}

async function scores({ database }: PostgresTarget, extra = ""): Promise<readonly unknown[]> {
  const rows = await database.query<{ row: unknown[] }>(
    `select jsonb_build_array(id, score${extra}) as row from scores order by id, score`,
  );
  return rows.map(({ row }) => row);
}

const day = (generation: number, date: string) => runOf(`${date}-g${generation}`, { day: date, generation });

describe("append", () => {
  const append = { mode: "append", key: ["id"] } as const;

  it("adds an interval's rows once, replaces them when it is scored again, and takes that back", async () => {
    const target = await freshTarget();
    await publish(target, day(1, "2026-01-01"), batchOf({ 1: 0.1, 2: 0.1 }), append);
    await publish(target, day(1, "2026-01-02"), batchOf({ 1: 0.2 }), append);
    await publish(target, day(2, "2026-01-01"), batchOf({ 1: 0.5 }), append);
    expect(await scores(target)).toEqual([
      [1, 0.2],
      [1, 0.5],
    ]);
    expect(await target.sink(append).published("job", day(1, "2026-01-01").key.scope)).toMatchObject({
      generation: 2,
    });
    expect(await target.sink(append).rollback()).toMatchObject({
      hiddenRunIds: ["2026-01-01-g2"],
      visibleRunId: "2026-01-02-g1",
    });
    expect(await scores(target)).toEqual([
      [1, 0.1],
      [1, 0.2],
      [2, 0.1],
    ]);
    expect(await target.sink(append).rollback()).toMatchObject({ visibleRunId: "2026-01-01-g1" });
    expect(await scores(target)).toEqual([
      [1, 0.1],
      [2, 0.1],
    ]);
    await expect(target.sink(append).rollback()).rejects.toMatchObject({
      code: "refused.nothing-to-roll-back",
    });
  });

  it("says which column it needs, and leaves rows of others alone", async () => {
    const target = await freshTarget();
    await target.database.query(
      "create table scores (id bigint, score real); insert into scores values (9, 0.9)",
    );
    const sink = target.sink(append);
    const refusal = await sink
      .check(day(1, "2026-01-01"), columnsOf(batchOf({ 1: 1 })))
      .catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: "postgres.own-columns" });
    await target.database.query((refusal as { hint: string }).hint);
    await publish(target, day(1, "2026-01-01"), batchOf({ 1: 0.1 }), append);
    await publish(target, day(2, "2026-01-01"), batchOf({ 1: 0.3 }), append);
    expect(await scores(target)).toEqual([
      [1, expect.closeTo(0.3)],
      [9, expect.closeTo(0.9)],
    ]);
  });
});

describe("replace", () => {
  const replace = { mode: "replace", key: ["id"] } as const;
  const everything = `
    create role nightshift_reader_${process.pid}; grant select on scores to nightshift_reader_${process.pid};
    comment on table scores is 'it''s ours'; comment on column scores.score is 'how likely';
    create index scores_by_score on scores (score desc) where score > 0; comment on index scores_by_score is 'best first';
    alter table scores add constraint positive check (score >= 0), alter column score set default 0.5;
    alter table scores set (fillfactor = 70)`;
  const described = `
    select array_agg(obj_description(oid) order by oid) filter (where relkind = 'r') as comments,
           (select array_agg(pg_get_constraintdef(oid) order by conname) from pg_constraint
            where conrelid = 'scores'::regclass and contype <> 'n') as constraints,
           (select array_agg(indexdef || coalesce(obj_description(indexname::regclass), '') order by indexname) from pg_indexes where tablename = 'scores') as indexes,
           has_table_privilege('nightshift_reader_${process.pid}', 'scores', 'select') as readable,
           (select reloptions from pg_class where oid = 'scores'::regclass) as options,
           col_description('scores'::regclass, 2) as "column"
    from pg_class where oid = 'scores'::regclass`;

  it("swaps a plain table, and everything on it survives", async () => {
    const target = await freshTarget();
    await target.database.query(
      `create table scores (id bigint primary key, score real); ${everything}; insert into scores values (7, 0.7)`,
    );
    try {
      const before = await target.database.query(described);
      const [{ oid }] = (await target.database.query<{ oid: number }>(
        "select 'scores'::regclass::oid as oid",
      )) as [{ oid: number }];
      expect(await target.sink(replace).outlook({ interval: null }, columnsOf(batchOf({ 1: 1 })))).toEqual([
        "creates a new table and swaps it for public.scores",
      ]);
      await publish(target, runOf("a"), batchOf({ 2: 0.2, 1: 0.1 }), replace);
      expect(await idsIn(target.database)).toEqual([1, 2]);
      expect(await target.database.query(described)).toEqual(before);
      expect(await target.database.query("select 'scores'::regclass::oid as oid")).not.toEqual([{ oid }]);
      expect(await target.sink(replace).rollback()).toMatchObject({ visibleRunId: null });
      expect(await idsIn(target.database)).toEqual([7]);
      await publish(target, runOf("b"), batchOf({ 3: 0.3 }), replace);
      expect(await target.database.query(described)).toEqual(before);
    } finally {
      await target.database.query(
        `drop owned by nightshift_reader_${process.pid}; drop role nightshift_reader_${process.pid}`,
      );
    }
  });

  it("rewrites a table that a view depends on, and the view shows the new rows", async () => {
    const target = await freshTarget();
    await target.database.query(
      "create table scores (id bigint primary key, score real); insert into scores values (7, 0.7); create view best as select id from scores",
    );
    expect(await target.sink(replace).outlook({ interval: null }, columnsOf(batchOf({ 1: 1 })))).toEqual([
      "deletes all rows of public.scores and inserts them again: views or other things depend on it",
    ]);
    await publish(target, runOf("a"), batchOf({ 1: 0.1 }), replace);
    expect(await target.database.query("select id::int from best")).toEqual([{ id: 1 }]);
    await target.sink(replace).rollback();
    expect(await target.database.query("select id::int from best")).toEqual([{ id: 7 }]);
  });

  it("rewrites a table that is replicated with all others, so that the rows arrive there", async () => {
    const target = await freshTarget();
    await target.database.query(
      "create table scores (id bigint primary key, score real); create publication everything for all tables",
    );
    expect(await target.sink(replace).outlook({ interval: null }, columnsOf(batchOf({ 1: 1 })))).toEqual([
      "deletes all rows of public.scores and inserts them again: it is replicated",
    ]);
  });

  it("refuses where foreign rows would go with the deleted ones", async () => {
    const target = await freshTarget();
    await target.database.query(
      "create table scores (id bigint primary key, score real); create table notes (id bigint references scores on delete cascade)",
    );
    await expect(target.sink(replace).check(runOf("a"), columnsOf(batchOf({ 1: 1 })))).rejects.toMatchObject({
      code: "refused.referenced",
    });
  });

  it("replaces only the values of `partition_by` that an interval's run writes", async () => {
    const target = await freshTarget();
    const parts = { ...replace, partitionBy: ["dt"] };
    await publish(target, day(1, "2026-01-01"), batchOf({ 1: 0.1, 2: 0.1 }, "2026-01-01"), parts);
    await publish(target, day(1, "2026-01-02"), batchOf({ 1: 0.2 }, "2026-01-02"), parts);
    await publish(target, day(2, "2026-01-01"), batchOf({ 1: 0.5 }, "2026-01-01"), parts);
    expect(await scores(target, ", dt")).toEqual([
      [1, expect.closeTo(0.2), "2026-01-02"],
      [1, 0.5, "2026-01-01"],
    ]);
    await target.sink(parts).rollback();
    expect(await scores(target)).toHaveLength(3);
  });

  it("attaches and detaches native partitions, and takes that back", async () => {
    const target = await freshTarget();
    const parts = { ...replace, partitionBy: ["dt"] };
    await target.database.query(
      `create table scores (id bigint, score real, dt text, primary key (id, dt)) partition by list (dt);
       create table scores_one partition of scores for values in ('2026-01-01');
       comment on table scores_one is 'the first'; insert into scores values (9, 0.9, '2026-01-01')`,
    );
    expect(await target.sink(parts).outlook(day(1, "2026-01-01"), columnsOf(batchOf({ 1: 1 }, "x")))).toEqual(
      ["attaches new partitions to public.scores by dt, and detaches the old ones"],
    );
    await publish(target, day(1, "2026-01-01"), batchOf({ 1: 0.1, 2: 0.1 }, "2026-01-01"), parts);
    await publish(target, day(1, "2026-01-02"), batchOf({ 1: 0.2 }, "2026-01-02"), parts);
    const shape = `select c.relname::text as name, pg_get_expr(c.relpartbound, c.oid) as bound, obj_description(c.oid) as comment,
       (select count(*)::int from pg_index where indrelid = c.oid) as indexes
       from pg_inherits i join pg_class c on c.oid = i.inhrelid where inhparent = 'scores'::regclass order by 1`;
    const first = {
      name: "scores_one",
      bound: "FOR VALUES IN ('2026-01-01')",
      comment: "the first",
      indexes: 1,
    };
    expect(await target.database.query(shape)).toEqual([
      { name: "scores_2026_01_02", bound: "FOR VALUES IN ('2026-01-02')", comment: null, indexes: 1 },
      first,
    ]);
    expect(await target.database.query("select method from nightshift.publications")).toEqual([
      { method: "attach" },
      { method: "attach" },
    ]);
    await target.sink(parts).rollback();
    expect(await scores(target)).toEqual([
      [1, expect.closeTo(0.1)],
      [2, expect.closeTo(0.1)],
    ]);
    expect(await target.database.query(shape)).toEqual([first]);
    await publish(target, day(2, "2026-01-01"), batchOf({ 3: 0.3 }, "2026-01-01"), parts);
    expect(await scores(target)).toEqual([[3, expect.closeTo(0.3)]]);
    await target.sink(parts).rollback();
    expect(await scores(target)).toEqual([
      [1, expect.closeTo(0.1)],
      [2, expect.closeTo(0.1)],
    ]);
    expect(await target.database.query(shape)).toEqual([first]);
  });

  it("never lets an older run take the place of what a newer one published", async () => {
    const target = await freshTarget();
    await publish(target, day(1, "2026-01-02"), batchOf({ 1: 0.2 }), replace);
    const older = day(1, "2026-01-01");
    await expect(target.sink(replace).check(older)).rejects.toMatchObject({
      code: "refused.newer-publication",
    });
    const receipts = await stageRun(target, older, [{ batch: batchOf({ 1: 0.1 }) }], replace);
    await expect(target.sink(replace).publish(older, "f", receipts)).rejects.toMatchObject({
      code: "refused.newer-publication",
    });
    expect(await scores(target)).toEqual([[1, expect.closeTo(0.2)]]);
  });
});

describe("upsert", () => {
  const upsert = { mode: "upsert", key: ["id"] } as const;

  it("replaces by key, keeps the rest, and takes it back", async () => {
    const target = await freshTarget();
    const kept = "select relname from pg_class where relname like 'undo%'";
    await publish(target, day(1, "2026-01-01"), batchOf({ 1: 0.1, 2: 0.1 }), upsert);
    expect(await target.database.query(kept)).toEqual([]);
    expect(
      await target.database.query("select reloptions from pg_class where oid = 'scores'::regclass"),
    ).toEqual([{ reloptions: ["fillfactor=50"] }]);
    await publish(target, day(1, "2026-01-02"), batchOf({ 2: 0.2, 3: 0.2 }), upsert);
    expect(await target.database.query(kept)).toHaveLength(1);
    expect(await scores(target)).toEqual([
      [1, expect.closeTo(0.1)],
      [2, expect.closeTo(0.2)],
      [3, expect.closeTo(0.2)],
    ]);
    await target.sink(upsert).rollback();
    expect(await scores(target)).toEqual([
      [1, expect.closeTo(0.1)],
      [2, expect.closeTo(0.1)],
    ]);
  });

  it("takes several back at once", async () => {
    const target = await freshTarget();
    await publish(target, day(1, "2026-01-01"), batchOf({ 1: 0.1, 2: 0.1 }), upsert);
    await publish(target, day(1, "2026-01-02"), batchOf({ 2: 0.2, 3: 0.2 }), upsert);
    await publish(target, day(1, "2026-01-03"), batchOf({ 1: 0.3, 2: 0.3, 4: 0.3 }), upsert);
    await expect(target.sink(upsert).rollback(3)).rejects.toMatchObject({
      code: "refused.nothing-to-roll-back",
    });
    expect(await scores(target)).toHaveLength(4);
    expect(await target.sink(upsert).rollback(2)).toMatchObject({
      visibleRunId: "2026-01-01-g1",
      hiddenRunIds: ["2026-01-03-g1", "2026-01-02-g1"],
    });
    expect(await scores(target)).toEqual([
      [1, expect.closeTo(0.1)],
      [2, expect.closeTo(0.1)],
    ]);
  });

  it("lets the newer run's row win, whichever is published last", async () => {
    const target = await freshTarget();
    await publish(target, day(1, "2026-01-02"), batchOf({ 1: 0.2 }), upsert);
    await publish(target, day(1, "2026-01-01"), batchOf({ 1: 0.1, 2: 0.1 }), upsert);
    expect(await scores(target)).toEqual([
      [1, expect.closeTo(0.2)],
      [2, expect.closeTo(0.1)],
    ]);
  });

  it("counts what it inserted, updated and deleted, and what is older than what is there", async () => {
    const target = await freshTarget();
    const changesOf = async (run: Run, batch: RecordBatch, parts: Partial<PostgresWrite> = upsert) => {
      const { changes } = await publish(target, run, batch, parts);
      // Asked again, after a lost answer say, the record tells the same.
      expect((await target.sink(parts).lookup(run.id))?.changes).toEqual(changes);
      return changes;
    };
    await publish(target, day(1, "2026-01-05"), batchOf({ 1: 0.5, 2: 0.5 }), upsert);
    expect(await changesOf(day(1, "2026-01-06"), batchOf({ 2: 0.6, 3: 0.6 }))).toEqual({
      inserted: 1,
      updated: 1,
      unchanged: 0,
      older: 0,
      deleted: 0,
    });
    expect(await changesOf(day(1, "2026-01-01"), batchOf({ 1: 0.1, 2: 0.1, 3: 0.1 }))).toEqual({
      inserted: 0,
      updated: 0,
      unchanged: 0,
      older: 3,
      deleted: 0,
    });
    expect(await changesOf(day(1, "2026-01-04"), batchOf({ 3: 0.4, 4: 0.4 }))).toEqual({
      inserted: 1,
      updated: 0,
      unchanged: 0,
      older: 1,
      deleted: 0,
    });
    expect(await target.sink(upsert).rollback()).toMatchObject({
      visibleRunId: "2026-01-01-g1",
      visibleRows: 0,
    });
    expect(await target.sink(upsert).rollback()).toMatchObject({
      visibleRunId: "2026-01-06-g1",
      visibleRows: 2,
    });
    const deleting = { ...upsert, onMissing: "delete" } as const;
    expect(await changesOf(day(1, "2026-01-07"), batchOf({ 3: 0.7 }), deleting)).toEqual({
      inserted: 0,
      updated: 1,
      unchanged: 0,
      older: 0,
      deleted: 2,
    });
  });

  it("counts rows apart that had these values already: nulls, NaN and json included; versions advance all the same", async () => {
    const target = await freshTarget();
    await target.database.query(
      `create table scores (id bigint primary key, score real, nightshift_unchanged json,
                            nightshift_run bigint, nightshift_as_of timestamptz)`,
    );
    const write = { ...upsert, create: false } as const;
    const rows = (scores: readonly (number | null)[], texts: readonly (string | null)[]): RecordBatch => {
      const [batch] = new Table({
        id: makeVector(BigInt64Array.from(scores.keys(), BigInt)),
        score: vectorFromArray(scores, new Float32()),
        nightshift_unchanged: vectorFromArray(texts, new Utf8()),
      }).batches;
      if (batch === undefined) throw new Error("a table of one batch");
      return batch;
    };
    await publish(
      target,
      day(1, "2026-01-01"),
      rows([0.5, null, NaN, 4, 5], ["{}", null, "1", "[1]", "1"]),
      write,
    );
    const again = rows([0.5, null, NaN, 4.5, 5, 6], ["{}", null, "1", "[1]", null, "6"]);
    const { changes } = await publish(target, day(1, "2026-01-03"), again, write);
    expect(changes).toEqual({ inserted: 1, updated: 2, unchanged: 3, older: 0, deleted: 0 });
    const between = await publish(target, day(1, "2026-01-02"), rows([9], ["9"]), write);
    expect(between.changes).toEqual({ inserted: 0, updated: 0, unchanged: 0, older: 1, deleted: 0 });
    await target.sink(write).rollback();
    await target.sink(write).rollback();
    expect(await scores(target, ", nightshift_unchanged")).toEqual([
      [0, 0.5, {}],
      [1, null, null],
      [2, "NaN", 1],
      [3, 4, [1]],
      [4, 5, 1],
    ]);
  });

  it("advances versions where values are equal, so that a run in between does not win", async () => {
    const target = await freshTarget();
    await publish(target, day(1, "2026-01-01"), batchOf({ 1: 0.1 }), upsert);
    await publish(target, day(1, "2026-01-03"), batchOf({ 1: 0.1 }), upsert);
    await publish(target, day(1, "2026-01-02"), batchOf({ 1: 0.9 }), upsert);
    expect(await scores(target)).toEqual([[1, expect.closeTo(0.1)]]);
  });

  it("ends the same for a nightly run and runs of events that publish the same keys at once", async () => {
    const target = await freshTarget();
    await publish(target, day(1, "2025-12-31"), batchOf({ 1: 0, 2: 0, 3: 0 }), upsert);
    const nightly = day(1, "2026-01-01");
    const events = ["e1", "e2", "e3"].map((id) => runOf(id));
    const staged = await stageRun(target, nightly, [{ batch: batchOf({ 1: 0.5, 2: 0.5, 3: 0.5 }) }], upsert);
    const stagedEvents: (readonly Receipt[])[] = [];
    for (const [at, event] of events.entries())
      stagedEvents.push(
        await stageRun(target, event, [{ batch: batchOf({ 1: at + 1, [at + 1]: at + 1 }) }], upsert),
      );
    await Promise.all([
      target.sink(upsert).publish(nightly, "f", staged),
      ...events.map((event, at) => target.sink(upsert).publish(event, "f", stagedEvents[at] ?? [])),
    ]);
    // Events took their keys after the night ended, in this order.
    expect(await scores(target)).toEqual([
      [1, 3],
      [2, 2],
      [3, 3],
    ]);
  });

  it("deletes what the input lacks with `on_missing: delete`: its own older rows, not those of others or newer ones", async () => {
    const target = await freshTarget();
    const deleting = { ...upsert, onMissing: "delete" } as const;
    await target.database.query(
      "create table scores (id bigint primary key, score real, nightshift_run bigint, nightshift_as_of timestamptz); insert into scores values (9, 0.9)",
    );
    await publish(target, day(1, "2026-01-01"), batchOf({ 1: 0.1, 2: 0.1, 1004: 0.1 }), deleting);
    await publish(target, day(1, "2026-01-03"), batchOf({ 3: 0.3, 2: 0.3 }), {
      ...deleting,
      onMissing: "keep",
    });
    const sink = target.sink(deleting);
    const second = day(1, "2026-01-02");
    const receipts = await stageRun(
      target,
      second,
      [{ batch: batchOf({ 5: 0.2 }), quarantined: [4] }],
      deleting,
    );
    await sink.publish(second, "f", receipts);
    expect((await scores(target)).map((row) => (row as number[])[0])).toEqual([2, 3, 5, 9, 1004]);
    await sink.rollback();
    expect((await scores(target)).map((row) => (row as number[])[0])).toEqual([1, 2, 3, 9, 1004]);
  });

  it("knows quarantined keys whatever their type, so that they are not missing", async () => {
    const target = await freshTarget();
    await target.database.query(
      `create table scores (at timestamptz, code char(6), clock time, score real, nightshift_run bigint,
                            nightshift_as_of timestamptz, primary key (at, code, clock))`,
    );
    const deleting = { mode: "upsert", key: ["at", "code", "clock"], onMissing: "delete" } as const;
    const instant = Date.parse("2026-01-01T10:00:00.25Z");
    const keyed = (codes: readonly string[]): RecordBatch => {
      const [batch] = new Table({
        at: vectorFromArray(
          codes.map(() => instant),
          new TimestampMillisecond("UTC"),
        ),
        code: vectorFromArray(codes, new Utf8()),
        clock: makeVector({
          type: new TimeMillisecond(),
          length: codes.length,
          data: Int32Array.from(codes, () => 3_600_500),
        }),
        score: makeVector(Float32Array.from(codes, () => 0.5)),
      }).batches;
      if (batch === undefined) throw new Error("a table of one batch");
      return batch;
    };
    await publish(target, day(1, "2026-01-01"), keyed(["a", "b", "c"]), deleting);
    const second = day(1, "2026-01-02");
    const staged = [
      { batch: keyed(["a"]), quarantined: [0], quarantinedKey: keyed(["b"]).select(["at", "code", "clock"]) },
    ];
    await target.sink(deleting).publish(second, "f", await stageRun(target, second, staged, deleting));
    const left = await target.database.query("select code::text as code from scores order by 1");
    expect(left).toEqual([{ code: "a" }, { code: "b" }]);
  });

  it.each(["is made", "is there"])(
    "refuses a key that is in the input twice, where the table %s",
    async (how) => {
      const target = await freshTarget();
      if (how === "is there") await publish(target, runOf("before"), batchOf({ 1: 0.1 }), upsert);
      const twice = await stageRun(target, runOf("a"), [{ ids: [1, 1] }], upsert);
      await expect(target.sink(upsert).publish(runOf("a"), "f", twice)).rejects.toMatchObject({
        code: "data.key-twice",
      });
      expect(await target.sink(upsert).lookup("a")).toBeNull();
    },
  );

  it("refuses a table without the key's index", async () => {
    const target = await freshTarget();
    await target.database.query(
      "create table scores (id bigint, score real, nightshift_run bigint, nightshift_as_of timestamptz)",
    );
    await expect(target.sink(upsert).check(runOf("b"), columnsOf(batchOf({ 1: 1 })))).rejects.toMatchObject({
      code: "postgres.key",
    });
  });
});

describe("what cannot be scored, and what is left over", () => {
  it("puts quarantined rows into a table of the job's own, and shows them", async () => {
    const target = await freshTarget();
    const parts = {
      mode: "append",
      quarantine: { kind: "table", table: { schema: "public", name: "bad" } },
    } as const;
    const sink = target.sink(parts);
    await sink.check(runOf("a"));
    await sink.publish(
      runOf("a"),
      "f",
      await stageRun(target, runOf("a"), [{ ids: [1], quarantined: [4, 5] }], parts),
    );
    expect(await target.database.query("select run_id, key, row_number::int, reason from bad")).toEqual([
      { run_id: "a", key: { id: 1004 }, row_number: 4, reason: "null_value" },
      { run_id: "a", key: { id: 1005 }, row_number: 5, reason: "null_value" },
    ]);
    expect(await sink.quarantinedRows("a", 1)).toEqual({
      columns: ["id", "file", "row_number", "reason", "message"],
      rows: [[1004, "/in.parquet", 4, "null_value", "row 4 of /in.parquet has no value for x"]],
    });
  });

  it("puts quarantined rows into files of a directory, seen once the run is published", async () => {
    const target = await freshTarget();
    const path = join(freshDirectory(), "bad");
    const parts = { mode: "append", quarantine: { kind: "directory", path } } as const;
    const receipts = await stageRun(target, runOf("a"), [{ ids: [1], quarantined: [4, 5] }], parts);
    const sink = target.sink(parts);
    expect(await sink.quarantineFiles("a")).toEqual([]);
    await sink.publish(runOf("a"), "f", receipts);
    await sink.publish(runOf("a"), "f", receipts);
    const files = await sink.quarantineFiles("a");
    expect(files.map((file) => idsInFile(file))).toEqual([[1004, 1005]]);
    await stageRun(target, runOf("b"), [{ ids: [1], quarantined: [4] }], parts);
    await sink.abort(runOf("b"));
    expect(readdirSync(join(path, ".staged"))).toEqual([]);
  });

  it("writes no quarantined row outside of NIGHTSHIFT_OUTPUT_ROOT", async () => {
    const target = await freshTarget();
    const [root, outside] = [freshDirectory(), freshDirectory()];
    const parts = { mode: "append", quarantine: { kind: "directory", path: join(outside, "bad") } } as const;
    const fileSystem = await outputFileSystem(root);
    const rows = { ids: [1], quarantined: [4], fileSystem };
    await expect(stageRun(target, runOf("a"), [rows], parts)).rejects.toMatchObject({
      code: "refused.outside-output-root",
    });
    expect(readdirSync(outside)).toEqual([]);
    const inside = { mode: "append", quarantine: { kind: "directory", path: join(root, "bad") } } as const;
    expect(await stageRun(target, runOf("b"), [rows], inside)).toHaveLength(1);
  });

  it("ignores what a zombie attempt staged, and clears it away with the rest", async () => {
    const target = await freshTarget();
    await stageRun(target, runOf("a"), [{ ids: [666] }], {}, () => "zombie");
    const receipts = await stageRun(target, runOf("a"), [{ ids: [1] }]);
    const live = async () => new Set(receipts.map(({ attemptId }) => attemptId));
    expect((await target.sink().collect(live, true)).removed).toEqual([
      'nightshift."staging_1", attempt zombie',
    ]);
    await target.sink().publish(runOf("a"), "f", receipts);
    expect(await idsIn(target.database)).toEqual([1]);
    expect(await target.database.query("select 1 from pg_class where relname like 'staging%'")).toEqual([]);
    await stageRun(target, runOf("a"), [{ ids: [666] }], {}, () => "late").then(
      () => expect.fail("a decided run takes no more attempts"),
      (error) => expect(error).toMatchObject({ code: "infra.run-decided" }),
    );
  });

  it("counts rows that lie where deleted ones lay", async () => {
    const target = await freshTarget();
    const many = Array.from({ length: 5000 }, (_, id) => id);
    await stageRun(target, runOf("a"), [{ ids: many }], {}, () => "first");
    const last = await stageRun(target, runOf("a"), [{ ids: [9000] }], {}, () => "last");
    await target.database.query('delete from nightshift."staging_1" where id < 9000');
    await target.database.query('vacuum nightshift."staging_1"');
    const between = await stageRun(target, runOf("a"), [{ ids: many.slice(0, 4000) }], {}, () => "between");
    const lies = await target.database.query<{ before: boolean }>(
      'select max(ctid) filter (where id < 9000) < max(ctid) filter (where id = 9000) as before from nightshift."staging_1"',
    );
    expect(lies).toEqual([{ before: true }]);
    expect(between[0]?.rows.predicted).toBe(4000);
    await target.sink().publish(runOf("a"), "f", [...between, ...last]);
    expect((await idsIn(target.database))?.length).toBe(4001);
  });

  it("publishes nothing where staged rows are missing", async () => {
    const target = await freshTarget();
    const receipts = await stageRun(target, runOf("a"), [{ ids: [1, 2] }]);
    await target.database.query('delete from nightshift."staging_1" where id = 1');
    await expect(target.sink().publish(runOf("a"), "f", receipts)).rejects.toMatchObject({
      code: "infra.staged-missing",
    });
    expect(await idsIn(target.database)).toBeNull();
  });

  it("says how to make its own tables if they are missing", async () => {
    const target = await freshTarget();
    await target.database.query("drop schema nightshift cascade");
    await expect(target.sink().check(runOf("a"))).rejects.toMatchObject({ code: "postgres.not-migrated" });
  });
});

const naughty = [
  "select",
  'quo"te',
  "semi;colon",
  "per%cent",
  "it's",
  "naïve 😀",
  "$1",
  "a.b",
  "back\\slash",
  "--",
  " space ",
  "\u202eright",
  "<b>",
  "new\nline",
];

it("writes to tables and columns of any name", async () => {
  const target = await freshTarget();
  for (const [at, name] of naughty.entries()) {
    const table = { schema: "public", name };
    const [batch] = new Table({
      id: makeVector(BigInt64Array.of(1n)),
      [name]: makeVector(Float32Array.of(0.5)),
    }).batches;
    if (batch === undefined) throw new Error("a batch");
    for (const [generation, mode] of (["append", "replace", "replace", "upsert"] as const).entries()) {
      const parts = { mode, table: { ...table, name: `${name}${mode}` }, key: ["id", name] };
      await publish(target, runOf(`r${at}-${generation}`, { scope: "s", generation }), batch, parts);
    }
    const found = await target.database.query<{ names: string[] }>(
      "select array_agg(attname::text) as names from pg_attribute a join pg_class c on c.oid = attrelid where relname = $1 and attnum > 0",
      [`${name}upsert`],
    );
    expect(found[0]?.names).toContain(name);
  }
}, 60_000);
