/**
 * The coordinator's half: runs become visible in one transaction each, decided once by a row of `nightshift.publications`.
 * See `area.ts` for what lies where, and `publish.ts` for the transaction.
 */

import { asNightshiftError, SpecError } from "../../errors.js";
import { tableText } from "../../job/connection.js";
import type { Run } from "../../job/run.js";
import type { Database } from "../../postgres/database.js";
import { quoteTable } from "../../postgres/identifiers.js";
import { requireMigrated } from "../../postgres/migrate.js";
import type { Session } from "../../postgres/session.js";
import type { Decision, Sink } from "../sink.js";
import { findTarget, type RegisteredRun, registerRun, type Target } from "./area.js";
import { checkTarget } from "./check-target.js";
import { collect, dropStaging } from "./collecting.js";
import { refuseWithoutOwnRights } from "./own-rights.js";
import { ownSettings } from "./own-settings.js";
import type { PostgresWrite } from "./postgres-write.js";
import { publishIn, replacesAll, winner } from "./publish.js";
import { checkQuarantine, quarantinedRows } from "./quarantine.js";
import {
  dropStagedQuarantine,
  type QuarantineDirectory,
  shownQuarantine,
  showQuarantine,
  stagedQuarantine,
} from "./quarantine-files.js";
import { decide, decisionOn, newerThan, publishedOf } from "./record.js";
import { rollBackIn } from "./undo.js";

export interface PostgresSinkOptions {
  readonly database: Database;
  readonly write: PostgresWrite;
  /** As the job has it: where quarantined rows go beside the database; `null`: nowhere. */
  readonly quarantine: QuarantineDirectory | null;
  /** How long anything waits for a lock that another session holds on the target; 30 s. */
  readonly lockTimeoutMs?: number;
  /** Called with a line for people while a publication or a rollback waits for sessions that use the target. */
  readonly onWait?: (text: string) => void;
}

/** A coordinator that sleeps this long between two statements loses its transaction, so that others can go on. */
const idleTimeoutMs = 60_000;
/** How often a publication whose COMMIT got no answer is looked for. */
const commitTries = 3;

export function postgresSink(options: PostgresSinkOptions): Sink {
  const { database, write, quarantine, lockTimeoutMs = 30_000, onWait = () => undefined } = options;
  const place = tableText(write.table);
  let migrated: Promise<void> | null = null;

  /** Looks once: the schema does not go back. */
  async function ready(): Promise<void> {
    migrated ??= requireMigrated(database, "sink");
    await migrated.catch((error: unknown) => {
      migrated = null;
      throw error;
    });
  }

  async function asked<T>(work: (session: Session, target: Target) => Promise<T>, doing: string): Promise<T> {
    await ready();
    return database.use(async (session) => {
      // The size of a table that somebody else has locked is not told before it is free.
      await ownSettings(session, lockTimeoutMs);
      return work(session, await findTarget(session, write.table));
    }, doing);
  }

  async function registered(
    run: Run,
  ): Promise<{ readonly target: string; readonly registered: RegisteredRun }> {
    return asked(
      async (session, { text }) => ({ target: text, registered: await registerRun(session, text, run) }),
      `registering ${run.id}`,
    );
  }

  /** Until an answer comes: whoever asks again waits for the transaction that was not answered, and then reads it. */
  async function decided(work: (session: Session) => Promise<Decision>, doing: string): Promise<Decision> {
    for (let tries = 1; ; tries++) {
      try {
        return await database.transaction(work, { idleTimeoutMs, doing });
      } catch (error) {
        if (asNightshiftError(error).code !== "infra.commit-unknown" || tries === commitTries) throw error;
      }
    }
  }

  /** Clearing up may fail without harm: `gc` does it again. */
  async function clearUp(runId: string, run: RegisteredRun, outcome: Decision["outcome"]): Promise<void> {
    await dropStaging(database, run, outcome).catch(() => undefined);
    if (quarantine !== null) await dropStagedQuarantine(quarantine, runId).catch(() => undefined);
  }

  /** A table that is new has no statistics, and those who read it would be given poor plans. */
  async function analyze(): Promise<void> {
    if (write.mode !== "replace" && !write.create) return;
    await database.query(`analyze ${quoteTable(write.table)}`).catch(() => undefined);
  }

  /** Staged quarantine files of decided runs. */
  async function spentQuarantine(
    directory: QuarantineDirectory,
    target: string,
    dryRun: boolean,
  ): Promise<readonly string[]> {
    const spent: string[] = [];
    for (const { runId, path } of await stagedQuarantine(directory)) {
      const decision = await database.use((session) => decisionOn(session, target, runId));
      if (decision === null) continue;
      spent.push(path);
      if (!dryRun) await dropStagedQuarantine(directory, runId);
    }
    return spent;
  }

  return {
    async check(run, columns) {
      await asked(async (session, target) => {
        await refuseWithoutOwnRights(session);
        if ((await decisionOn(session, target.text, run.id))?.outcome === "commit") return;
        await checkTarget(session, target, write, run.interval, columns ?? null);
        await checkQuarantine(session, write);
        const own = await registerRun(session, target.text, run);
        if (!replacesAll(write, run)) return;
        const newer = await newerThan(session, target.text, own);
        if (newer !== null) throw olderThanPublished(place, run.id, newer);
      }, `checking ${place}`);
    },

    async outlook(job, columns) {
      return asked(async (session, target) => {
        await refuseWithoutOwnRights(session);
        await checkQuarantine(session, write);
        return (await checkTarget(session, target, write, job.interval, columns)).outlook;
      }, `looking at ${place}`);
    },

    async publish(run, fingerprint, receipts, details) {
      const { target, registered: own } = await registered(run);
      const request = {
        write,
        run,
        registered: own,
        target,
        fingerprint,
        receipts,
        details,
        lockTimeoutMs,
        onWait,
      };
      const decision = await decided((session) => publishIn(session, request), `publishing to ${target}`);
      if (decision.outcome === "commit") await analyze();
      if (decision.outcome === "commit" && quarantine !== null)
        await showQuarantine(quarantine, run.id, receipts);
      await clearUp(run.id, own, decision.outcome);
      return decision;
    },

    async abort(run) {
      const { target, registered: own } = await registered(run);
      const decision = await decided(async (session) => {
        const publication = await decide(session, target, own, "abort", "");
        if (publication === null) return winner(session, target, run.id);
        return { outcome: "abort", publication: Number(publication) };
      }, `giving up ${run.id}`);
      await clearUp(run.id, own, decision.outcome);
      return decision;
    },

    // Readers see a run when its transaction commits.
    seeThrough: async () => undefined,
    lookup: (runId) => asked((session, { text }) => decisionOn(session, text, runId), `looking up ${runId}`),

    published: (jobId, scope) =>
      asked(async (session, { text, table }) => {
        // Somebody dropped the table: nothing is published there any more.
        if (table === null) return null;
        const [newest] = await publishedOf(session, text, jobId, scope);
        if (newest === undefined) return null;
        const { sequence: _sequence, ...publication } = newest;
        return publication;
      }, `looking at what is published in ${place}`),

    async rollback(last = 1) {
      const { name, head } = await asked(async (session, target) => {
        const { rows } = await session.query<{ head: string | null }>(
          "select head from nightshift.targets where target = $1",
          [target.text],
        );
        return { name: target.name, head: rows[0]?.head ?? null };
      }, `looking at what is published in ${place}`);
      const waits = { purpose: "rolling back", limitMs: lockTimeoutMs, onWait } as const;
      return database.transaction((session) => rollBackIn(session, name, { seen: head, last, waits }), {
        lockTimeoutMs,
        idleTimeoutMs,
        doing: `rolling back ${quoteTable(name)}`,
      });
    },

    files: async () => [],
    verify: async () => ({ files: 0, bytes: 0, damaged: [] }),
    async quarantineFiles(runId) {
      return quarantine === null ? [] : shownQuarantine(quarantine, runId);
    },
    quarantinedRows: (runId, limit) =>
      asked((session, { text }) => quarantinedRows(session, text, runId, limit), "reading quarantined rows"),

    async collect(liveAttempts, dryRun, givenUp = new Set()) {
      const target = await asked(async (_session, { text }) => text, `looking at ${place}`);
      const rows = await collect(database, target, liveAttempts, dryRun, givenUp);
      const files = quarantine === null ? [] : await spentQuarantine(quarantine, target, dryRun);
      return { removed: [...rows.removed, ...files], bytes: rows.bytes };
    },
  };
}

function olderThanPublished(place: string, runId: string, newer: string): SpecError {
  return new SpecError(
    "refused.newer-publication",
    `${place} holds what run ${newer} published, which is newer than ${runId}: an older run never replaces it`,
    { hint: "Write to another table, or replace parts only: `partition_by`." },
  );
}
