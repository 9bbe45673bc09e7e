/**
 * Stores schedules in the ledger's database, for schedulers on any number of machines. A tick is a row, and
 * its primary key decides which scheduler recorded it. The cursor is the newest tick, or the time from which
 * the schedule is followed; neither moves back.
 *
 * A recorded tick without an end is taken over by other schedulers once its scheduler is dead: at once if
 * that can be observed, on the same machine; on other machines when its scheduler has not reported for a
 * while on the database's clock.
 */

import type { Owner } from "../../job/run.js";
import type { NewId } from "../../time/clock.js";
import { takesOverMs } from "../../time/schedule.js";
import type { RecordedTick, ScheduleStore, TickEnd, TickProgress } from "../schedule-store.js";
import type { IsAlive } from "./claims.js";
import type { LedgerDatabase } from "./ledger-database.js";

export interface ScheduleBookOptions {
  readonly newId: NewId;
  readonly isAlive: IsAlive;
  /** A scheduler on another machine that has not reported within this time counts as gone. */
  readonly heardWithinMs?: number;
}

/** Several times the interval between two reports of a scheduler. */
const usualHeardWithinMs = 60_000;
const keptDays = 90;
const ticksAtOnce = 200;

interface TickRow {
  readonly at: string;
  readonly verdict: RecordedTick["verdict"];
  readonly reason: string | null;
  readonly ticks: number;
  readonly by: Owner;
  readonly end: TickEnd | null;
  readonly progress: TickProgress | null;
}

const tickColumns = `to_char(t.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at,
  t.verdict, t.reason, t.ticks, t.recorded_by as by, t.ended as end, t.progress`;

/**
 * Time from which the schedule of a row is followed; null if it is neither the present schedule nor the
 * previous one.
 */
const sinceSql = `case when s.schedule = $2 then s.since
    when s.earlier_schedule = $2 and s.changed_at > $3::timestamptz - ${takesOverMs} * interval '1 millisecond'
    then s.earlier_since end`;

const standsSql = `
  select s.is_paused as paused,
         (extract(epoch from greatest(s.since, (select max(at) from nightshift.ledger_ticks where job = $1))) * 1000)::float8 as cursor
  from (select is_paused, ${sinceSql} as since from nightshift.ledger_schedules s where s.job = $1) s
  where s.since is not null`;

const followSql = `
  insert into nightshift.ledger_schedules as s (job, schedule, since) values ($1, $2, $3)
  on conflict (job) do update
    set schedule = excluded.schedule, since = greatest(s.since, excluded.since),
        earlier_schedule = s.schedule, earlier_since = s.since, changed_at = excluded.since
  where (${sinceSql}) is null`;

const recordSql = `
  insert into nightshift.ledger_ticks (job, at, verdict, reason, ticks, recorded_by, scheduler, change)
  values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing returning job`;

const openSql = `
  select ${tickColumns},
         coalesce(s.seen_at > clock_timestamp() - $2 * interval '1 millisecond', false) as "isHeardOf"
  from nightshift.ledger_ticks t left join nightshift.ledger_schedulers s using (scheduler)
  where t.job = $1 and t.verdict = 'fired' and t.ended is null order by t.at`;

const attendSql = `
  with gone as (delete from nightshift.ledger_schedulers where seen_at < clock_timestamp() - interval '1 day')
  insert into nightshift.ledger_schedulers (scheduler, seen_at) values ($1, clock_timestamp())
  on conflict (scheduler) do update set seen_at = excluded.seen_at`;

const pauseSql = `
  insert into nightshift.ledger_schedules as s (job, since, is_paused) values ($1, '-infinity', true)
  on conflict (job) do update set is_paused = true where not s.is_paused returning job`;

const resumeSql = `
  update nightshift.ledger_schedules
  set is_paused = false, since = greatest(since, $2), earlier_since = greatest(earlier_since, $2)
  where job = $1 and is_paused returning job`;

/** A schedule with few ticks keeps as many of them as a daily one. */
const pruneSql = `
  delete from nightshift.ledger_ticks where job = $1
    and at <= (select max(at) from nightshift.ledger_ticks where job = $1) - ${keptDays} * interval '1 day'
    and at < (select at from nightshift.ledger_ticks where job = $1 order by at desc offset ${keptDays - 1} limit 1)`;

export function scheduleStore(ledger: LedgerDatabase, options: ScheduleBookOptions): ScheduleStore {
  const { read, write } = ledger;
  const { newId, isAlive, heardWithinMs = usualHeardWithinMs } = options;

  /** For changes that may be repeated. */
  function change(sql: string, values: readonly unknown[]): Promise<readonly object[]> {
    return write<readonly object[]>(
      (query) => query(sql, values),
      async () => null,
    );
  }

  async function stands(job: string, schedule: string, now: Date) {
    type Row = { readonly paused: boolean; readonly cursor: number };
    const [row] = await read<Row>(standsSql, [job, schedule, now.toISOString()]);
    return row;
  }

  return {
    async follow(job, schedule, now) {
      let row = await stands(job, schedule, now);
      if (row === undefined) {
        await change(followSql, [job, schedule, now.toISOString()]);
        row = await stands(job, schedule, now);
      }
      return { cursor: new Date(row?.cursor ?? now), paused: row?.paused === true };
    },

    async record(job, { at, verdict, reason, ticks }, by) {
      const token = newId();
      const values = [job, at, verdict, reason, ticks, JSON.stringify(by), nameOf(by), token];
      return write(
        async (query) => ((await query(recordSql, values)).length > 0 ? "recorded" : "exists"),
        async (query) => {
          const ours = "select 1 from nightshift.ledger_ticks where job = $1 and at = $2 and change = $3";
          return (await query(ours, [job, at, token])).length > 0 ? "recorded" : null;
        },
      );
    },

    async end(job, at, end) {
      await change(
        "update nightshift.ledger_ticks set ended = $3 where job = $1 and at = $2 and ended is null",
        [job, at, JSON.stringify(end)],
      );
    },

    async note(job, at, progress) {
      await change(
        "update nightshift.ledger_ticks set progress = $3 where job = $1 and at = $2 and ended is null",
        [job, at, JSON.stringify(progress)],
      );
    },

    async endOf(job, at) {
      const [row] = await read<{ ended: TickEnd | null }>(
        "select ended from nightshift.ledger_ticks where job = $1 and at = $2",
        [job, at],
      );
      return row?.ended ?? null;
    },

    async open(job) {
      const rows = await read<TickRow & { readonly isHeardOf: boolean }>(openSql, [job, heardWithinMs]);
      return rows.map(({ isHeardOf, ...tick }) => {
        const life = isAlive(tick.by);
        return { ...tick, isHeld: life === "other-host" ? isHeardOf : life === "alive" };
      });
    },

    async *ticks(job) {
      for (let before: string | null = null; ; ) {
        const rows: readonly TickRow[] = await read<TickRow>(
          `select ${tickColumns} from nightshift.ledger_ticks t
           where t.job = $1 and ($2::timestamptz is null or t.at < $2) order by t.at desc limit ${ticksAtOnce}`,
          [job, before],
        );
        yield* rows;
        before = rows.at(-1)?.at ?? null;
        if (rows.length < ticksAtOnce) return;
      }
    },

    async attend(self) {
      await change(attendSql, [nameOf(self)]);
    },

    pause: async (job) => (await change(pauseSql, [job])).length > 0,
    resume: async (job, now) => (await change(resumeSql, [job, now.toISOString()])).length > 0,
    async isPaused(job) {
      const sql = "select 1 from nightshift.ledger_schedules where job = $1 and is_paused";
      return (await read(sql, [job])).length > 0;
    },

    async prune(job) {
      await change(pruneSql, [job]);
    },
  };
}

/** Unique for each process. */
function nameOf({ host, bootId, pid, processStart }: Owner): string {
  return JSON.stringify([host, bootId, pid, processStart]);
}
