/**
 * The ledger's tables. Columns that change often are in narrow tables, apart from those that never change,
 * and are not indexed, so that a transition does not update indexes.
 *
 * Documents are `json`, not `jsonb`: they are returned exactly as stored, and may contain any text, also a
 * NUL character.
 */
import type { Migration } from "./migration.js";

export const ledgerMigrations: readonly Migration[] = [
  {
    version: 1,
    name: "the ledger: runs, plans, partitions, receipts, events",
    sql: `
      create table nightshift.ledger_runs (
        id text primary key,
        -- Newest last, whatever any clock says.
        place bigint generated always as identity unique,
        job_id text not null,
        scope text not null,
        generation int not null,
        job_name text not null,
        run json not null,
        -- Names the one call that made it, for whoever lost its answer.
        created_by uuid not null,
        unique (job_id, scope, generation)
      );
      create index ledger_runs_by_name on nightshift.ledger_runs (job_name, place);

      -- A run's mutex: every transition locks its row first.
      create table nightshift.ledger_run_states (
        run_id text primary key references nightshift.ledger_runs on delete cascade,
        status text not null default 'created' check (status in
          ('created', 'planned', 'running', 'publishing', 'published', 'failed', 'cancelled', 'dropped')),
        coordinator_epoch bigint not null default 0,
        owner json,
        claim_until timestamptz,
        fingerprint text,
        provider text,
        totals json,
        partitions int not null default 0,
        accepted int not null default 0,
        -- Over accepted partitions, flat: 'rows.read', 'reason.<code>', 'seconds.predict', 'bytes.read'.
        sums jsonb not null default '{}',
        error json,
        publication bigint,
        -- Number of the run's last event. Given under this row's lock, so that events become visible in their order.
        events bigint not null default 0,
        -- Names the call that changed it last, for whoever lost its answer.
        change uuid,
        started_at timestamptz,
        updated_at timestamptz not null default clock_timestamp()
      ) with (fillfactor = 50);

      create table nightshift.ledger_plans (
        run_id text primary key references nightshift.ledger_runs on delete cascade,
        plan json not null
      );

      create table nightshift.ledger_planned_partitions (
        run_id text not null references nightshift.ledger_runs on delete cascade,
        index int not null,
        rows bigint not null,
        partition json not null,
        primary key (run_id, index)
      );

      create table nightshift.ledger_partitions (
        run_id text not null references nightshift.ledger_runs on delete cascade,
        index int not null,
        rows bigint not null,
        status text not null default 'pending' check (status in
          ('pending', 'leased', 'running', 'accepted', 'failed', 'poisoned')),
        epoch bigint not null default 0,
        attempt_id text,
        attempts int not null default 0,
        solo_deaths int not null default 0,
        last_error json,
        change uuid,
        primary key (run_id, index)
      ) with (fillfactor = 70);

      create table nightshift.ledger_receipts (
        run_id text not null references nightshift.ledger_runs on delete cascade,
        index int not null,
        receipt json not null,
        primary key (run_id, index)
      );

      create table nightshift.ledger_events (
        run_id text not null references nightshift.ledger_runs on delete cascade,
        seq bigint not null,
        at timestamptz not null default clock_timestamp(),
        body json not null,
        primary key (run_id, seq)
      );`,
  },
  {
    version: 2,
    name: "the ledger: leases of attempts on other machines",
    sql: `
      -- Null: the attempt is its coordinator's own, and lives and dies with it.
      alter table nightshift.ledger_partitions add column lease_until timestamptz;`,
  },
  {
    version: 3,
    name: "the ledger: requests to cancel",
    sql: `
      -- The claim whose owner was asked to cancel the run.
      alter table nightshift.ledger_run_states add column cancel_requested_of bigint;

      create table nightshift.ledger_backfill_stops (
        job_name text primary key,
        request uuid not null
      );`,
  },
  {
    version: 4,
    name: "the ledger: small assets of runs, for workers on other machines",
    sql: `
      create table nightshift.ledger_assets (
        sha256 text primary key,
        bytes bigint not null,
        put_at timestamptz not null default clock_timestamp()
      );
      create table nightshift.ledger_asset_blocks (
        sha256 text not null references nightshift.ledger_assets on delete cascade,
        block int not null,
        body bytea not null,
        primary key (sha256, block)
      );
      -- Models do not get smaller, and are read in whole blocks.
      alter table nightshift.ledger_asset_blocks alter column body set storage external;
      -- Which runs need them: what no run needs that may still go on is removed by gc.
      create table nightshift.ledger_run_assets (
        run_id text not null references nightshift.ledger_runs on delete cascade,
        sha256 text not null references nightshift.ledger_assets,
        primary key (run_id, sha256)
      );
      create index on nightshift.ledger_run_assets (sha256);`,
  },
  {
    version: 6,
    name: "the ledger: leases that ran out in a row, workers that are there",
    sql: `
      alter table nightshift.ledger_partitions add column expiries int not null default 0;

      -- For people, and for coordinators that wait in vain. Nobody's guard depends on it.
      create table nightshift.ledger_workers (
        id uuid primary key,
        worker json not null,
        heard_at timestamptz not null,
        until timestamptz not null
      );`,
  },
  {
    version: 8,
    name: "the ledger: requests to go on with a run",
    sql: `
      -- Until it has ended once more, or somebody takes it back.
      alter table nightshift.ledger_run_states add column is_retry_requested boolean not null default false;`,
  },
  {
    version: 11,
    name: "the ledger: generations of forgotten runs",
    sql: `
      -- The highest one of each job and scope: their ids are in the output's record and must not be given again.
      create table nightshift.ledger_forgotten (
        job_id text not null,
        scope text not null,
        generation int not null,
        primary key (job_id, scope)
      );`,
  },
];
