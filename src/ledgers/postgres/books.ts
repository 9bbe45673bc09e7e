/** What is remembered beside the runs, in the same database: ticks of schedules, backfills, and notices. */

import type { ConnectionUrl } from "../../job/connection.js";
import { requireMigrated } from "../../postgres/migrate.js";
import type { BackfillBook } from "../backfill-book.js";
import type { NoticeBook } from "../notice-book.js";
import type { ScheduleBook } from "../schedule-book.js";
import { backfillBook } from "./backfill-book.js";
import { type LedgerDatabaseOptions, ledgerDatabase } from "./ledger-database.js";
import { noticeBook } from "./notice-book.js";
import { type ScheduleBookOptions, scheduleBook } from "./schedule-book.js";

export interface PostgresBooksOptions extends LedgerDatabaseOptions, ScheduleBookOptions {
  readonly url: ConnectionUrl;
}

export interface PostgresBooks {
  readonly schedules: ScheduleBook;
  readonly backfills: BackfillBook;
  readonly notices: NoticeBook;
  close(): Promise<void>;
}

/** @throws SpecError `postgres.not-migrated`, `postgres.newer-schema`; InfraError `infra.unreachable` and others */
export async function openPostgresBooks(options: PostgresBooksOptions): Promise<PostgresBooks> {
  const database = ledgerDatabase(options.url, options);
  try {
    await requireMigrated(database.database, "ledger");
  } catch (error) {
    await database.close();
    throw error;
  }
  return {
    schedules: scheduleBook(database, options),
    backfills: backfillBook(database),
    notices: noticeBook(database, options.newId),
    close: () => database.close(),
  };
}
