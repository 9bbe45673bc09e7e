/** Where runs are recorded, and the stores beside them. */

import type { Settings } from "../config.js";
import { SpecError } from "../errors.js";
import { type ConnectionUrl, withoutPassword } from "../job/connection.js";
import type { BackfillStore } from "../ledgers/backfill-store.js";
import type { Ledger } from "../ledgers/ledger.js";
import type { NoticeStore } from "../ledgers/notice-store.js";
import type { ScheduleStore } from "../ledgers/schedule-store.js";
import type { Secrets } from "../spec/secrets.js";
import type { Clock } from "../time/clock.js";
import { every, newUuid } from "./system-clock.js";

/** In a database where one is named, else in the state directory. */
export async function openLedger(
  settings: Settings,
  secrets: Secrets | undefined,
  clock: Clock,
): Promise<Ledger> {
  const { processes } = await import("../ledgers/journal/processes.js");
  if (settings.ledger !== null) {
    const { openPostgresLedger } = await import("../ledgers/postgres/postgres-ledger.js");
    return openPostgresLedger({
      url: await ledgerUrl(settings, secrets),
      newId: newUuid,
      isAlive: processes().isAlive,
      every,
      monotonicMs: () => clock.monotonicMs(),
    });
  }
  const { journalLedger } = await import("../ledgers/journal/journal-ledger.js");
  const { privateFileSystem } = await import("../stores/local/local-file-system.js");
  return journalLedger({
    stateDir: settings.stateDir,
    fileSystem: privateFileSystem(),
    clock,
    processes: processes(),
  });
}

export interface Stores {
  readonly schedules: ScheduleStore;
  readonly backfills: BackfillStore;
  readonly notices: NoticeStore;
  readonly close: () => Promise<void>;
}

/** They are kept where the runs are. */
export async function openStores(settings: Settings, secrets: Secrets | undefined): Promise<Stores> {
  const { processes } = await import("../ledgers/journal/processes.js");
  const { isAlive } = processes();
  if (settings.ledger !== null) {
    const { openPostgresStores } = await import("../ledgers/postgres/stores.js");
    return openPostgresStores({ url: await ledgerUrl(settings, secrets), newId: newUuid, isAlive });
  }
  const { backfillStore } = await import("../ledgers/journal/backfill-store.js");
  const { noticeStore } = await import("../ledgers/journal/notice-store.js");
  const { scheduleStore } = await import("../ledgers/journal/schedule-store.js");
  const { privateFileSystem } = await import("../stores/local/local-file-system.js");
  const place = { stateDir: settings.stateDir, fileSystem: privateFileSystem(), uniqueName: newUuid };
  return {
    schedules: scheduleStore({ ...place, isAlive }),
    backfills: backfillStore(place),
    notices: noticeStore(place),
    close: async () => undefined,
  };
}

/** @throws SpecError `connection.invalid`, `usage.no-database` */
export async function ledgerUrl(settings: Settings, secrets: Secrets | undefined): Promise<ConnectionUrl> {
  const { connectionUrl } = await import("./resolve-connection.js");
  const { ledger, environment } = settings;
  if (ledger === null)
    throw new SpecError("usage.no-database", "no database is named", {
      hint: "Give its URL, or set --ledger or NIGHTSHIFT_LEDGER to one.",
    });
  const place = secrets === undefined ? { environment } : { environment, secrets };
  const variable = Object.keys(environment).find((name) => environment[name] === ledger);
  const writtenAs = variable === undefined ? withoutPassword(ledger) : `\${${variable}}`;
  return { ...connectionUrl(ledger, place, "The ledger's URL"), writtenAs };
}
