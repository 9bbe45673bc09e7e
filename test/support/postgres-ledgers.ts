/** Process identities for one ledger in a database: they live, die and sit on other hosts as a test says. */
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import type { ConnectionUrl } from "../../src/job/connection.js";
import type { Owner } from "../../src/job/run.js";
import type { SharedLedger } from "../../src/ledgers/ledger.js";
import { openPostgresLedger } from "../../src/ledgers/postgres/postgres-ledger.js";
import { openDatabase } from "../../src/postgres/database.js";
import { migrate } from "../../src/postgres/migrate.js";
import type { Every } from "../../src/time/clock.js";
import { connectionUrl } from "../../src/wiring/resolve-connection.js";
import { createDatabase, type TestDatabase } from "./postgres-server.js";

export interface TestProcess {
  readonly ledger: SharedLedger;
  readonly owner: Owner;
  die(): Promise<void>;
}

export interface ProcessOptions {
  readonly where?: "here" | "elsewhere";
  /** Another way to the database: through a proxy, as another role. */
  readonly url?: string;
  readonly leaseMs?: number;
  /** `false`: as a process that was stopped, it never comes to renewing. */
  readonly renews?: boolean;
  readonly retryDelaysMs?: readonly number[];
  readonly answerTimeoutMs?: number;
  readonly patienceMs?: number;
  /** In place of this process's monotonic clock. */
  readonly monotonicMs?: () => number;
}

export interface LedgerProcesses {
  start(options?: ProcessOptions): Promise<TestProcess>;
  closeAll(): Promise<void>;
}

export const urlOf = (text: string): ConnectionUrl => connectionUrl(text, { environment: {} }, "it");

export async function migrateAt(url: string): Promise<void> {
  const database = openDatabase(urlOf(url), { role: "test", maxSessions: 1 });
  try {
    await migrate(database);
  } finally {
    await database.close();
  }
}

export interface EmptyLedger {
  readonly database: TestDatabase;
  readonly processes: LedgerProcesses;
}

/** For a file of tests: a migrated database without runs, assets and workers before each test, whose processes end with it. */
export function emptyLedger(): EmptyLedger {
  let database: TestDatabase;
  let processes: LedgerProcesses;
  beforeAll(async () => {
    database = await createDatabase();
    await migrateAt(database.url);
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    await database.query(
      "truncate nightshift.ledger_runs, nightshift.ledger_forgotten, nightshift.ledger_assets, nightshift.ledger_workers cascade",
    );
    processes = ledgerProcesses(database.url);
  });
  afterEach(() => processes.closeAll());
  return {
    get database() {
      return database;
    },
    get processes() {
      return processes;
    },
  };
}

const everyInterval: Every = (intervalMs, work) => {
  const timer = setInterval(work, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
};

let nextPid = 1000;

/** @param url of a database that was migrated */
export function ledgerProcesses(url: string): LedgerProcesses {
  const living = new Set<number>();
  const ledgers: SharedLedger[] = [];
  return {
    async start({ where = "here", leaseMs = 30_000, renews = true, ...options } = {}) {
      const pid = nextPid++;
      living.add(pid);
      const host = where === "here" ? "this-host" : "far-host";
      const owner: Owner = { pid, processStart: String(pid * 100), bootId: "boot", host };
      const ledger = await openPostgresLedger({
        url: urlOf(options.url ?? url),
        newId: randomUUID,
        leaseMs,
        monotonicMs: options.monotonicMs ?? (() => performance.now()),
        every: renews ? everyInterval : () => () => undefined,
        ...(options.answerTimeoutMs === undefined ? {} : { answerTimeoutMs: options.answerTimeoutMs }),
        ...(options.patienceMs === undefined ? {} : { patienceMs: options.patienceMs }),
        retryDelaysMs: options.retryDelaysMs ?? [50, 100, 200, 400],
        isAlive: (other) => {
          if (other.host !== host) return "other-host";
          return living.has(other.pid) ? "alive" : "dead";
        },
      });
      ledgers.push(ledger);
      return {
        ledger,
        owner,
        async die() {
          living.delete(pid);
        },
      };
    },
    async closeAll() {
      await Promise.all(ledgers.map((ledger) => ledger.close()));
    },
  };
}
