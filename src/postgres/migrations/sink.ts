/** The sink's tables. */
import type { Migration } from "./migration.js";

/** The sink's own tables. Staged and removed rows are stored in the same schema. */
export const sinkMigrations: readonly Migration[] = [
  {
    version: 100,
    name: "publications",
    sql: `
      -- One row a table that was ever written to: who publishes there locks it.
      create table nightshift.targets (
        target text primary key,
        head bigint
      );
      comment on column nightshift.targets.head is 'the publication that readers see';

      create table nightshift.runs (
        sequence bigint generated always as identity primary key,
        target text not null,
        run_id text not null,
        job_id text not null,
        job_name text not null,
        scope text not null,
        generation integer not null,
        interval_start timestamptz,
        as_of timestamptz not null,
        registered_at timestamptz not null default clock_timestamp(),
        unique (target, run_id)
      );
      comment on column nightshift.runs.as_of is
        'what its rows are true for: the end of its interval, or when it began; (as_of, sequence) is their version';

      create table nightshift.attempts (
        number integer generated always as identity primary key,
        attempt_id text not null unique,
        run bigint not null references nightshift.runs,
        partition integer not null,
        epoch integer not null,
        accepted boolean not null default false,
        started_at timestamptz not null default clock_timestamp()
      );
      create index on nightshift.attempts (run);

      -- The first row for a run decides it, for good.
      create table nightshift.publications (
        publication bigint generated always as identity primary key,
        run bigint not null unique references nightshift.runs,
        target text not null,
        outcome text not null check (outcome in ('commit', 'abort')),
        fingerprint text not null,
        mode text,
        method text,
        beneath bigint,
        superseded_by bigint,
        rolled_back_at timestamptz,
        undo jsonb,
        details jsonb,
        at timestamptz not null default clock_timestamp()
      );
      comment on column nightshift.publications.undo is 'what takes it back; null where it cannot be taken back any more';
      create index on nightshift.publications (target);

      create table nightshift.quarantine (
        attempt integer not null,
        key jsonb,
        file text not null,
        row_number bigint not null,
        reason text not null,
        message text not null
      );
      create index on nightshift.quarantine (attempt);
    `,
  },
];
