/** Stores beside the runs, in the same database: ticks of schedules, backfills, and notices. */

import type { ConnectionUrl } from "../../job/connection.js";
import { requireMigrated } from "../../postgres/migrate.js";
import type { BackfillStore } from "../backfill-store.js";
import type { NoticeStore } from "../notice-store.js";
import type { ScheduleStore } from "../schedule-store.js";
import { backfillStore } from "./backfill-store.js";
import { type LedgerDatabaseOptions, ledgerDatabase } from "./ledger-database.js";
import { noticeStore } from "./notice-store.js";
import { type ScheduleBookOptions, scheduleStore } from "./schedule-store.js";

export interface PostgresStoresOptions extends LedgerDatabaseOptions, ScheduleBookOptions {
  readonly url: ConnectionUrl;
}

export interface PostgresStores {
  readonly schedules: ScheduleStore;
  readonly backfills: BackfillStore;
  readonly notices: NoticeStore;
  close(): Promise<void>;
}

/** @throws SpecError `postgres.not-migrated`, `postgres.newer-schema`; InfraError `infra.unreachable` and others */
export async function openPostgresStores(options: PostgresStoresOptions): Promise<PostgresStores> {
  const database = ledgerDatabase(options.url, options);
  try {
    await requireMigrated(database.database, "ledger");
  } catch (error) {
    await database.close();
    throw error;
  }
  return {
    schedules: scheduleStore(database, options),
    backfills: backfillStore(database),
    notices: noticeStore(database, options.newId),
    close: () => database.close(),
  };
}
