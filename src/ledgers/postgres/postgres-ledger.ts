/**
 * The ledger in a database, for coordinators on several machines and for observers anywhere. Its tables are
 * in `postgres/migrations/ledger.ts`.
 *
 * **One method, one guarded transition.** A statement locks the run's row in `ledger_run_states`, its mutex,
 * and then changes only rows whose state the transition requires. The guard is in its WHERE clause, so the
 * second of two concurrent statements finds nothing to change. Lock order: the run's row, then its
 * partitions. An answered transition is durable: `synchronous_commit` is on.
 *
 * **Claims** are numbers that only grow, with a lease on the database's clock: `claims.ts`. A coordinator's
 * statements include the number, an attempt's include the partition's epoch. Two owners are harmless: a claim
 * puts leased and running partitions back to pending under the same lock, so statements of the old owner or
 * its attempts no longer match a row.
 *
 * **Lost answers.** Every transition writes a unique token into the row that it changed. If a connection
 * breaks before the answer, the token shows whether the transition was committed; if not, it is repeated. If
 * the lost statement is still running, the repeated one waits for its lock, finds its guard false, and looks
 * for the token once more.
 *
 * **Events** are numbered under the run's lock, so that no later event is visible before an earlier one.
 */

import type { ConnectionUrl } from "../../job/connection.js";
import { requireMigrated } from "../../postgres/migrate.js";
import type { Every, NewId } from "../../time/clock.js";
import type { SharedLedger } from "../ledger.js";
import { attempts } from "./attempts.js";
import { blobStore } from "./blob-store.js";
import { claims, type IsAlive } from "./claims.js";
import { createRun } from "./create-run.js";
import { forgetting } from "./forget-runs.js";
import { leases } from "./leases.js";
import { type LedgerDatabaseOptions, ledgerDatabase } from "./ledger-database.js";
import { requests } from "./requests.js";
import { runReader } from "./run-reader.js";
import { savePlan } from "./save-plan.js";
import { transitions } from "./transitions.js";
import { workers } from "./workers.js";

export interface PostgresLedgerOptions extends LedgerDatabaseOptions {
  readonly url: ConnectionUrl;
  readonly newId: NewId;
  /** Whether a process of this machine is alive, which is known earlier than its lease runs out. */
  readonly isAlive: IsAlive;
  readonly every: Every;
  readonly monotonicMs: () => number;
  /** Duration of a claim that is not renewed. */
  readonly leaseMs?: number;
}

const usualLeaseMs = 30_000;

/** @throws SpecError `postgres.not-migrated`, `postgres.newer-schema`; InfraError `infra.unreachable` and others */
export async function openPostgresLedger(options: PostgresLedgerOptions): Promise<SharedLedger> {
  const { url, newId, isAlive, every, monotonicMs, leaseMs = usualLeaseMs } = options;
  const database = ledgerDatabase(url, options);
  try {
    await requireMigrated(database.database, "ledger");
  } catch (error) {
    await database.close();
    throw error;
  }
  const { readReceipts, ...reading } = runReader(database);
  const owning = claims(database, { leaseMs, newId, isAlive, every });
  const coordinating = transitions(database, newId);
  const reporting = attempts(database, newId);
  const leasing = leases(database, newId, monotonicMs);

  /** A fenced attempt is normal for its coordinator, unless another process owns the run now. */
  async function orLost<T>(runId: string, outcome: T): Promise<T> {
    if (outcome === "fenced") await owning.refuseIfLost(runId);
    return outcome;
  }

  return {
    place: database.place,
    assets: blobStore(database),
    ...reading,
    ...requests(database, newId),
    ...workers(database),
    ...forgetting(database),
    createRun: (run) => createRun(database, newId, run),

    claimRun: (runId, owner, { takeOver }) => owning.claim(runId, owner, takeOver),
    releaseRun: (claim) => owning.release(claim),

    savePlan: (claim, plan, partitions) => savePlan(database, newId, claim, plan, partitions),
    async leasePartition(claim, partition) {
      return { runId: claim.runId, partition, epoch: await coordinating.lease(claim, partition) };
    },
    startAttempt: async (ref, attemptId) => orLost(ref.runId, await reporting.start(ref, attemptId, null)),
    startLeased: (ref, attemptId, leaseMs) => reporting.start(ref, attemptId, leaseMs),
    renewAttempt: (ref, attemptId, leaseMs) => leasing.renew(ref, attemptId, leaseMs),
    leaseEnds: (runId) => leasing.ends(runId),
    expireLeases: (claim, maxExpiries) => leasing.expire(claim, maxExpiries),
    acceptReceipt: async (receipt) => orLost(receipt.ref.runId, await reporting.accept(receipt)),
    recordFailure: async (ref, failure) => orLost(ref.runId, await reporting.fail(ref, failure)),
    reviveFailed: (claim) => coordinating.revive(claim),

    async beginPublish(claim) {
      await coordinating.beginPublish(claim);
      return readReceipts(claim.runId);
    },
    completeRun: (claim, publication) => coordinating.complete(claim, publication),
    adoptPublication: (claim, publication) => coordinating.adoptPublication(claim, publication),
    failRun: (claim, error) => coordinating.fail(claim, error),
    cancelRun: (claim) => coordinating.cancel(claim),
    dropRun: (claim) => coordinating.drop(claim),

    async close() {
      owning.close();
      await database.close();
    },
  };
}
