/** What happens to the ledger's server, and what users see: crashes, limits, locks, settings, roles. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { exitCodeOf } from "../../src/errors.js";
import type { Owner } from "../../src/job/run.js";
import { openPostgresStores } from "../../src/ledgers/postgres/stores.js";
import { all } from "../conformance/ledger.js";
import { cuttingProxy } from "../support/cutting-proxy.js";
import { failure } from "../support/failure.js";
import {
  type LedgerProcesses,
  ledgerProcesses,
  migrateAt,
  type TestProcess,
  urlOf,
} from "../support/postgres-ledgers.js";
import { type PostgresServer, startServer, type TestDatabase } from "../support/postgres-server.js";
import { anError, aPlan, aReceipt, aRun, somePartitions } from "../support/runs.js";

let server: PostgresServer;
let database: TestDatabase;
let processes: LedgerProcesses;

beforeAll(async () => {
  server = await startServer({ settings: { synchronous_commit: "off" } });
});
afterAll(() => server.remove());
beforeEach(async () => {
  database = await server.createDatabase();
  await migrateAt(database.url);
  processes = ledgerProcesses(database.url);
});
afterEach(async () => {
  await processes.closeAll();
  await database.drop();
});

async function planned({ ledger, owner }: TestProcess, partitions: number) {
  await ledger.createRun(aRun("run"));
  const claim = await ledger.claimRun("run", owner, { takeOver: false });
  await ledger.savePlan(claim, aPlan(partitions), somePartitions(partitions));
  return claim;
}

describe("a server that crashes", () => {
  test("in the middle of a run, twice: the run continues, and what was answered is there", async () => {
    const patient = { retryDelaysMs: Array.from({ length: 40 }, () => 100) };
    const process = await processes.start(patient);
    const { ledger } = process;
    const count = 120;
    const claim = await planned(process, count);
    const done: number[] = [];
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < count) {
        const index = next++;
        const ref = await ledger.leasePartition(claim, index);
        expect(await ledger.startAttempt(ref, `a${index}`)).toBe("started");
        expect(await ledger.acceptReceipt(aReceipt(ref, `a${index}`))).toBe("accepted");
        done.push(index);
      }
    };
    const working = Promise.all([work(), work(), work()]);
    for (const half of [count / 3, (2 * count) / 3]) {
      while (done.length < half) await sleep(1);
      await server.restart({ mode: "immediate" });
    }
    await working;
    expect(await ledger.beginPublish(claim)).toHaveLength(count);
    const state = await ledger.readRun("run");
    expect(state?.accepted).toMatchObject({ partitions: count, rows: { read: count * 1000 } });
    const states = await all(ledger.listPartitions("run"));
    expect(states.every(({ epoch, attempts }) => epoch === 1 && attempts === 0)).toBe(true);
  });

  test("and stays away: exit code 3, and the run can be resumed", async () => {
    const process = await processes.start({ retryDelaysMs: [20, 20] });
    const claim = await planned(process, 1);
    await server.stop("immediate");
    const error = await failure(process.ledger.leasePartition(claim, 0));
    await server.start();
    expect(error).toMatchObject({ code: "infra.unreachable" });
    expect(exitCodeOf(error)).toBe(3);
    await process.die();
    const heir = await processes.start();
    const heirs = await heir.ledger.claimRun("run", heir.owner, { takeOver: false });
    await heir.ledger.leasePartition(heirs, 0);
  });
});

describe("a server that refuses", () => {
  test("since it is read-only: it says so, does not try for long, and nothing is half done", async () => {
    const process = await processes.start();
    const claim = await planned(process, 1);
    await database.query(`alter database ${database.name} set default_transaction_read_only = on`);
    const reader = await processes.start();
    const error = await failure(reader.ledger.createRun(aRun("other")));
    expect(error).toMatchObject({
      code: "infra.read-only",
      retryable: false,
      message: expect.stringContaining("the server is read-only"),
    });
    expect(exitCodeOf(error)).toBe(1);
    expect((await reader.ledger.readRun("run"))?.status).toBe("planned");
    await process.ledger.failRun(claim, anError);
  });

  test("more connections: it says so, and works when there are some again", async () => {
    const role = `${database.name}_few`;
    await database.query(`
      create role ${role} login connection limit 1; grant usage on schema nightshift to ${role};
      grant select on all tables in schema nightshift to ${role}`);
    const as = new URL(database.url);
    as.username = role;
    const taken = new pg.Client({ connectionString: as.href });
    await taken.connect();
    const error = await failure(processes.start({ url: as.href, retryDelaysMs: [10, 10] }));
    await taken.end();
    expect(error).toMatchObject({ code: "infra.too-many-connections" });
    expect(error.message).toContain("It was tried 3 times.");
    expect(exitCodeOf(error)).toBe(1);
    const process = await processes.start({ url: as.href });
    expect(await all(process.ledger.listRuns())).toEqual([]);
    await process.ledger.close();
    await database.query(`drop owned by ${role}; drop role ${role}`);
  });
});

test("a connection over which nothing comes any more is given up, and what became of the statement is read back", async () => {
  const { hostname, port } = new URL(database.url);
  const proxy = await cuttingProxy({ host: hostname, port: Number(port) });
  const behind = new URL(database.url);
  behind.port = String(proxy.port);
  const process = await processes.start({ url: behind.href, answerTimeoutMs: 300 });
  const claim = await planned(process, 1);
  proxy.freeze();
  expect((await process.ledger.leasePartition(claim, 0)).epoch).toBe(1);
  await proxy.close();
});

test("another session's lock is waited for", async () => {
  const process = await processes.start();
  const claim = await planned(process, 1);
  const other = new pg.Client({ connectionString: database.url });
  await other.connect();
  await other.query("begin; select 1 from nightshift.ledger_run_states for update");
  const leasing = process.ledger.leasePartition(claim, 0);
  await sleep(200);
  expect((await process.ledger.readPartition("run", 0)).status).toBe("pending");
  await other.query("rollback");
  await other.end();
  expect((await leasing).epoch).toBe(1);
});

test("what was answered is durable, also where the server would rather be fast", async () => {
  const process = await processes.start();
  await process.ledger.createRun(aRun("run"));
  const claim = await process.ledger.claimRun("run", process.owner, { takeOver: false });
  await server.restart({ mode: "immediate" });
  const other = await processes.start();
  expect((await other.ledger.readRun("run"))?.owner).toEqual(process.owner);
  expect(claim.coordinatorEpoch).toBe(1);
});

const booksAt = (url: string) =>
  openPostgresStores({ url: urlOf(url), newId: randomUUID, isAlive: () => "dead", retryDelaysMs: [] });

async function useStores(url: string, owner: Owner): Promise<void> {
  const { schedules, backfills, close } = await booksAt(url);
  const [now, at] = [new Date(), "2026-01-01T00:00:00.000Z"];
  await schedules.follow("daily", "0 0 * * * UTC", now);
  await schedules.attend(owner);
  await schedules.record("daily", { at, verdict: "fired", reason: null, ticks: 1 }, owner);
  expect(await schedules.open("daily")).toHaveLength(1);
  await schedules.end("daily", at, { status: "published", runId: "run", error: null, at });
  await schedules.pause("daily", now);
  await schedules.resume("daily", now);
  await schedules.prune("daily");
  await backfills.begin("key", { startedAt: at, generations: {} });
  await backfills.finish("key");
  await close();
}

describe("the roles that docs/postgres.md grants", () => {
  const grants = (name: string): string => {
    const text = readFileSync(new URL("../../docs/postgres.md", import.meta.url), "utf8");
    const [, sql] = new RegExp(`-- role: ${name}\\n([\\s\\S]*?)(?=\\n-- role:|\\n\`\`\`)`).exec(text) ?? [];
    if (sql === undefined) throw new Error(`docs/postgres.md grants nothing to ${name}`);
    return sql;
  };

  async function asRole(name: string, work: (url: string) => Promise<void>): Promise<void> {
    const role = `${database.name}_${name}`;
    await database.query(`create role ${role} login; ${grants(name).replaceAll(`nightshift_${name}`, role)}`);
    const as = new URL(database.url);
    as.username = role;
    try {
      await work(as.href);
    } finally {
      await processes.closeAll();
      await database.query(`drop owned by ${role}; drop role ${role}`);
    }
  }

  test("the ledger's can do all of a run, and make or change no table", async () => {
    await asRole("ledger", async (url) => {
      const process = await processes.start({ url });
      const { ledger, owner } = process;
      const claim = await planned(process, 2);
      for (const index of [0, 1]) {
        const ref = await ledger.leasePartition(claim, index);
        await ledger.startAttempt(ref, "a");
        await ledger.loadTask(ref);
        await ledger.acceptReceipt(aReceipt(ref, "a"));
      }
      expect(await ledger.beginPublish(claim)).toHaveLength(2);
      await ledger.completeRun(claim, 1);
      await ledger.releaseRun(claim);
      await ledger.requestBackfillStop("daily");
      await useStores(url, owner);
      expect((await all(ledger.changes("run", new AbortController().signal))).length).toBeGreaterThan(5);
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      for (const sql of [
        "create table nightshift.mine (x int)",
        "alter table nightshift.ledger_runs add column mine int",
        "insert into nightshift.migrations (version, name) values (99, 'mine')",
        "delete from nightshift.ledger_runs",
        "truncate nightshift.ledger_events",
      ])
        await expect(client.query(sql), sql).rejects.toMatchObject({ code: /^42501$/ });
      await client.end();
    });
  });

  test("the ledger's can forget runs once it has retention's rights, too", async () => {
    await asRole("ledger", async (url) => {
      const process = await processes.start({ url });
      const claim = await planned(process, 1);
      await process.ledger.dropRun(claim);
      await process.ledger.releaseRun(claim);
      expect(await failure(process.ledger.forgetRuns(["run"]))).toMatchObject({ code: "infra.permission" });
      const role = new URL(url).username;
      await database.query(grants("retention").replaceAll("nightshift_retention", role));
      await process.ledger.forgetRuns(["run"]);
      expect(await process.ledger.readRun("run")).toBeNull();
    });
  });

  test("the reader's can look at everything, and change nothing", async () => {
    const owner = await processes.start();
    await planned(owner, 2);
    await asRole("reader", async (url) => {
      const { ledger } = await processes.start({ url });
      expect((await ledger.readRun("run"))?.status).toBe("planned");
      expect(await ledger.countPartitions("run")).toEqual({ pending: 2 });
      expect(await ledger.lastGeneration("nothing", "there")).toBe(0);
      expect(await failure(ledger.createRun(aRun("other")))).toMatchObject({
        code: "infra.permission",
        message: expect.stringContaining("permission denied"),
      });
      const { schedules, close } = await booksAt(url);
      expect(await schedules.isPaused("daily")).toBe(false);
      expect(await all(schedules.ticks("daily"))).toEqual([]);
      expect(await failure(schedules.pause("daily", new Date()))).toMatchObject({ code: "infra.permission" });
      await close();
    });
  });

  test("the error for a role without rights names what is missing", async () => {
    const role = `${database.name}_nobody`;
    await database.query(`create role ${role} login`);
    const as = new URL(database.url);
    as.username = role;
    expect(await failure(processes.start({ url: as.href }))).toMatchObject({ code: "infra.permission" });
    await database.query(`drop role ${role}`);
  });
});
