/** Tables of schedulers, backfills and notices beside the ledger's runs. */
import type { Migration } from "./migration.js";

export const scheduleMigrations: readonly Migration[] = [
  {
    version: 5,
    name: "the ledger: schedules, ticks, backfills",
    sql: `
      create table nightshift.ledger_schedules (
        job text primary key,
        -- Null where it was paused before anybody followed it.
        schedule text,
        -- Nothing from before is caught up with. Only moves on.
        since timestamptz not null,
        is_paused boolean not null default false
      );

      -- The primary key decides between schedulers that record the same tick.
      create table nightshift.ledger_ticks (
        job text not null,
        at timestamptz not null,
        verdict text not null check (verdict in ('fired', 'skipped', 'missed')),
        reason text,
        ticks int not null,
        recorded_by json not null,
        scheduler text not null,
        -- Names the one call that recorded it, for whoever lost its answer.
        change uuid not null,
        ended json,
        primary key (job, at)
      );
      create index ledger_ticks_open on nightshift.ledger_ticks (job, at) where verdict = 'fired' and ended is null;

      -- Who is there: what they recorded is theirs to run for as long as they are heard of.
      create table nightshift.ledger_schedulers (
        scheduler text primary key,
        seen_at timestamptz not null
      );

      create table nightshift.ledger_backfills (
        key text primary key,
        baseline json not null
      );`,
  },
  {
    version: 7,
    name: "the ledger: notices that were sent",
    sql: `
      create table nightshift.ledger_notices (
        notice text primary key,
        -- Names the one call that was the first, for whoever lost its answer.
        change uuid not null,
        claimed_at timestamptz not null default clock_timestamp()
      );`,
  },
  {
    version: 9,
    name: "the ledger: schedules that take the place of others",
    sql: `
      -- What was followed before, for schedulers that still have the older spec.
      alter table nightshift.ledger_schedules
        add column earlier_schedule text,
        add column earlier_since timestamptz,
        add column changed_at timestamptz;`,
  },
  {
    version: 10,
    name: "the ledger: ticks that wait or are tried again",
    sql: "alter table nightshift.ledger_ticks add column progress json;",
  },
];
