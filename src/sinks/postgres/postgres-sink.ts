/**
 * The coordinator's half: each run becomes visible in one transaction and is decided once by a row of
 * `nightshift.publications`. `area.ts` describes the layout, `publish.ts` the transaction.
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
  /** The job's directory for quarantined rows beside the database; `null`: none. */
  readonly quarantine: QuarantineDirectory | null;
  /** How long a statement waits for a lock that another session holds on the target; 30 s by default. */
  readonly lockTimeoutMs?: number;
  /** Called with a message while a publication or a rollback waits for sessions that use the target. */
  readonly onWait?: (text: string) => void;
}

/**
 * A coordinator that is idle this long between two statements loses its transaction, so that others can
 * continue.
 */
const idleTimeoutMs = 60_000;
/** How often a publication whose COMMIT got no answer is looked up. */
const commitTries = 3;

export function postgresSink(options: PostgresSinkOptions): Sink {
  const { database, write, quarantine, lockTimeoutMs = 30_000, onWait = () => undefined } = options;
  const place = tableText(write.table);
  let migrated: Promise<void> | null = null;

  /** Checks once, because a schema is never downgraded. */
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
      // Reading the size of a table waits until another session's exclusive lock is released.
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

  /**
   * Repeats until there is an answer: a repeated call waits for the unanswered transaction, and then reads
   * its result.
   */
  async function decided(work: (session: Session) => Promise<Decision>, doing: string): Promise<Decision> {
    for (let tries = 1; ; tries++) {
      try {
        return await database.transaction(work, { idleTimeoutMs, doing });
      } catch (error) {
        if (asNightshiftError(error).code !== "infra.commit-unknown" || tries === commitTries) throw error;
      }
    }
  }

  /** Cleaning up may fail without harm: `gc` repeats it. */
  async function clearUp(runId: string, run: RegisteredRun, outcome: Decision["outcome"]): Promise<void> {
    await dropStaging(database, run, outcome).catch(() => undefined);
    if (quarantine !== null) await dropStagedQuarantine(quarantine, runId).catch(() => undefined);
  }

  /** A new table has no statistics, so its readers would get poor query plans. */
  async function analyze(): Promise<void> {
    if (write.mode !== "replace" && !write.create) return;
    await database.query(`analyze ${quoteTable(write.table)}`).catch(() => undefined);
  }

  /** Returns the staged quarantine files of decided runs. */
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
      }, `dropping ${run.id}`);
      await clearUp(run.id, own, decision.outcome);
      return decision;
    },

    // Readers see a run when its transaction commits.
    seeThrough: async () => undefined,
    lookup: (runId) => asked((session, { text }) => decisionOn(session, text, runId), `looking up ${runId}`),

    published: (jobId, scope) =>
      asked(async (session, { text, table }) => {
        // The table was dropped: nothing is published there any more.
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
