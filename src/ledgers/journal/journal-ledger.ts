/**
 * The embedded ledger: one directory for each run, append-only files in it, no server and no lock.
 *
 * ```
 * <stateDir>/keys, order                     index of the runs: run-registry.ts
 * <stateDir>/runs/<run id>/run.json          the run
 *                          journal.<n>.ndjson   records of the owner by claim n: records.ts
 *                          plan.<n>.ndjson      the plan that it saved: plan-file.ts
 *                          cancel.<n>           request to that owner to cancel the run: requests.ts
 * <stateDir>/retries/<run id>.<n>            request to resume a run: requests.ts
 * ```
 *
 * **Durable.** Every record is synced before the method that made it returns; concurrent calls share one
 * sync. So an epoch is durable before it is returned, and since epochs are computed from the folded records
 * they only grow, regardless of crashes. A line begins only after the previous one was synced: only the last
 * line of a journal can be torn.
 *
 * **Claiming.** Claim n + 1, by a process that found journal n to be the newest and its owner dead:
 *
 * 1. Link a finished, synced file to `journal.<n+1>.ndjson`. It contains `claimed`. If the name exists,
 * another process won.
 * 2. Sync the directory, then read the valid parts of the journals up to n.
 * 3. Append and sync `adopted`: which journal this one builds on, how many of its bytes are valid, and a copy
 * of its last whole line. Everything else in the older journals is void.
 * 4. Check that there is no journal n + 2. Only now the claim is in effect.
 *
 * **Owning.** A transition by owner n: append, sync, check that there is no journal n + 1, and only then
 * return. If there is one, the caller gets `infra.claim-lost` and must not assume anything about the
 * transition.
 *
 * **Two owners are harmless.** Let owner n have returned a transition. Its check found no journal n + 1, so
 * its line was in the file before any claimant's step 1, and every claimant reads (step 2) after its own step
 * 1: the line is valid for every later claim. That is why the honoured length is in a record of its own and
 * not in the linked file: a length read before the link would void a transition that was appended, checked
 * and returned in between. What an outdated owner appends later is void or, at worst, honoured although its
 * caller got `infra.claim-lost`; a caller that loses an answer reads back. A claimant that dies between steps
 * 1 and 3 has confirmed nothing and is skipped by the next. Only the last honoured line may be unsynced by
 * its writer (or be in the page cache only, after a failed sync), hence the copy.
 *
 * If an owner that looked dead is still alive, this can happen:
 *
 * | it still | harm |
 * | ----------------------------- | ------------------------------------------------------------------------
 * |
 * | runs attempts | wasted work: they stage under their own UUIDs; their receipts are refused |
 * | leases or accepts | none: `infra.claim-lost` before the result is used |
 * | publishes | none: the sink's log decides once, and the loser adopts the winner |
 * | completes or fails the run | none: `infra.claim-lost`; the new owner asks the sink |
 * | is followed by a reader | a reader may have shown its last, void events |
 *
 * On network file systems the check in "Owning" must not be answered from a cache: mount with
 * `lookupcache=none`.
 */

import { NightshiftError } from "../../errors.js";
import { type Claim, isFinal, type Run } from "../../job/run.js";
import type { FileSystem } from "../../stores/file-system.js";
import type { Clock } from "../../time/clock.js";
import type { Ledger } from "../ledger.js";
import { notClaimed, unknownRun } from "../refusals.js";
import { claimJournal, type HeldRun } from "./claim.js";
import { applyRecord } from "./fold.js";
import { writePlanFile } from "./plan-file.js";
import type { Processes } from "./processes.js";
import type { JournalRecord } from "./records.js";
import { requests } from "./requests.js";
import { runReader } from "./run-reader.js";
import { runRegistry } from "./run-registry.js";
import * as transitions from "./transitions.js";

export interface JournalLedgerOptions {
  /** Absolute; created for the first run. */
  readonly stateDir: string;
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly processes: Processes;
}

/** Makes the names of temporary files unique across all ledgers of this process. */
let namesGiven = 0;

export function journalLedger({ stateDir, fileSystem, clock, processes }: JournalLedgerOptions): Ledger {
  const registry = runRegistry(fileSystem, stateDir, uniqueName);
  const heldRuns = new Map<string, HeldRun>();
  const { remember, readFold, ...reading } = runReader({
    fileSystem,
    registry,
    stateDir,
    heldRun: (runId) => heldRuns.get(runId),
  });

  function uniqueName(): string {
    const { pid, processStart, bootId } = processes.self();
    namesGiven += 1;
    return [bootId, pid, processStart, namesGiven].join("-").replaceAll(/[^\w-]/g, "");
  }

  function now(): string {
    return clock.now().toISOString();
  }

  /** Returns the run if this process owns it. */
  function owned(runId: string, coordinatorEpoch?: number): HeldRun {
    const held = heldRuns.get(runId);
    if (held === undefined) throw notClaimed(runId);
    if (coordinatorEpoch !== undefined && held.coordinatorEpoch !== coordinatorEpoch) throw notClaimed(runId);
    if (held.writer.refusal !== null) throw held.writer.refusal;
    return held;
  }

  function ownedBy(claim: Claim): HeldRun {
    return owned(claim.runId, claim.coordinatorEpoch);
  }

  /**
   * Makes one transition durable. A guard's answer without a record is only true once everything before it is
   * durable, so this waits for that too.
   */
  async function commit(held: HeldRun, outcome: JournalRecord | string): Promise<void> {
    if (typeof outcome === "string") return held.writer.append([]);
    applyRecord(held.fold, outcome);
    return held.writer.append([outcome]);
  }

  return {
    place: stateDir,
    ...reading,
    ...requests({ fileSystem, registry, stateDir, uniqueName, readFold }),

    async createRun(run) {
      return registry.create(run);
    },

    lastGeneration: (jobId, scope) => registry.lastGeneration(jobId, scope),

    async forgetRuns(runIds) {
      const final: Run[] = [];
      for (const runId of runIds) {
        const run = await registry.read(runId);
        if (run !== null && isFinal(await readFold(run))) final.push(run);
      }
      await registry.forget(final);
    },

    async claimRun(runId, owner, { takeOver }) {
      const run = await registry.read(runId);
      if (run === null) throw unknownRun(runId, stateDir);
      await registry.secure(run);
      const before = heldRuns.get(runId);
      if (before !== undefined && before.writer.refusal !== null) await before.close();
      const held = await claimJournal(
        { run, directory: registry.directory(runId), owner, takeOver },
        { fileSystem, clock, processes, uniqueName },
      );
      heldRuns.set(runId, held);
      await before?.close();
      return { runId, coordinatorEpoch: held.coordinatorEpoch };
    },

    async releaseRun(claim) {
      const held = heldRuns.get(claim.runId);
      if (held?.coordinatorEpoch !== claim.coordinatorEpoch) return;
      heldRuns.delete(claim.runId);
      try {
        if (held.writer.refusal === null) await held.writer.append([transitions.release(now())]);
      } catch (error) {
        if (!(error instanceof NightshiftError && error.code === "infra.claim-lost")) throw error;
      } finally {
        await held.close();
      }
    },

    async savePlan(claim, plan, partitions) {
      const held = ownedBy(claim);
      transitions.allowPlanning(held.fold);
      const name = `plan.${claim.coordinatorEpoch}.ndjson`;
      const written = await writePlanFile(fileSystem, held.directory, name, plan, partitions);
      await commit(held, transitions.plan(held.fold, plan, written.file, now()));
      remember(claim.runId, written.file, plan, written.index);
    },

    async leasePartition(claim, partition) {
      const held = ownedBy(claim);
      const leased = transitions.lease(held.fold, partition, now());
      await commit(held, leased);
      return { runId: claim.runId, partition, epoch: leased.epoch };
    },

    async startAttempt(ref, attemptId) {
      const held = owned(ref.runId);
      const started = transitions.start(held.fold, ref, attemptId, now());
      await commit(held, started);
      return started === "fenced" ? "fenced" : "started";
    },

    async acceptReceipt(receipt) {
      const held = owned(receipt.ref.runId);
      const accepted = transitions.accept(held.fold, receipt, now());
      await commit(held, accepted);
      return accepted === "accepted" || accepted.type === "accepted" ? "accepted" : "fenced";
    },

    async recordFailure(ref, failure) {
      const held = owned(ref.runId);
      const failed = transitions.failAttempt(held.fold, ref, failure, now());
      await commit(held, failed);
      return failed === "fenced" ? "fenced" : "recorded";
    },

    async reviveFailed(claim) {
      const held = ownedBy(claim);
      const revived = transitions.revive(held.fold, now());
      await commit(held, revived.partitions === 0 ? "nothing to revive" : revived);
      return revived.partitions;
    },

    async beginPublish(claim) {
      const held = ownedBy(claim);
      await commit(held, transitions.beginPublish(held.fold, now()));
      return held.fold.partitions.flatMap(({ receipt }) => receipt ?? []);
    },

    async completeRun(claim, publication) {
      const held = ownedBy(claim);
      await commit(held, transitions.complete(held.fold, publication, now()));
    },

    async adoptPublication(claim, publication) {
      const held = ownedBy(claim);
      await commit(held, transitions.adoptPublication(held.fold, publication, now()));
    },

    async failRun(claim, error) {
      const held = ownedBy(claim);
      await commit(held, transitions.fail(held.fold, error, now()));
    },

    async cancelRun(claim) {
      const held = ownedBy(claim);
      await commit(held, transitions.cancel(held.fold, now()));
    },

    async dropRun(claim) {
      const held = ownedBy(claim);
      await commit(held, transitions.drop(held.fold, now()));
    },

    async close() {
      const closing = [...heldRuns.values()].map((held) => held.close());
      heldRuns.clear();
      await Promise.all(closing);
    },
  };
}
