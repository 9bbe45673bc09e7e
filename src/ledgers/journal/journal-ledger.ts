/**
 * The embedded ledger: one directory a run, append-only files in it, no server and no lock.
 *
 * ```
 * <stateDir>/keys, order                     which runs there are: run-registry.ts
 * <stateDir>/runs/<run id>/run.json          the run
 *                          journal.<n>.ndjson   what the owner by claim n recorded: records.ts
 *                          plan.<n>.ndjson      the plan that it saved: plan-file.ts
 *                          cancel.<n>           somebody asked that owner to cancel the run: requests.ts
 * <stateDir>/retries/<run id>.<n>            somebody asked that a run be gone on with: requests.ts
 * ```
 *
 * **Durable.** Every record is synced before the method that made it returns; concurrent calls share one sync. So an
 * epoch that was handed out was durable first, and since epochs come from the folded records they only grow, whatever
 * dies. A line begins only after the one before it was synced: only the last line of a journal can be torn.
 *
 * **Claiming.** Claim n + 1, by a process that found journal n to be the newest and its owner dead:
 *
 * 1. link a finished, synced file to `journal.<n+1>.ndjson`. It holds `claimed`. If the name exists, somebody else won.
 * 2. sync the directory, then read what counts of the journals up to n.
 * 3. append and sync `adopted`: which journal is built upon, how many bytes of it count, and a copy of its last whole
 *    line. Whatever else is in the older journals is void.
 * 4. check that there is no journal n + 2. Only now the claim holds.
 *
 * **Owning.** A transition of owner n: append, sync, check that there is no journal n + 1, and only then return. If it
 * is there, the caller gets `infra.claim-lost` and may take nothing for granted.
 *
 * **Two owners are harmless.** Let owner n have returned a transition. Its check found no journal n + 1, so its line was
 * in the file before any claimant's step 1, and every claimant reads (step 2) after its own step 1: the line counts for
 * every later claim. That is why the honoured length stands in a record of its own, and not in the linked file: a
 * length read before the link would void a transition that was appended, checked and returned in between. What an
 * outdated owner appends later is void or, at worst, honoured although its caller was told `infra.claim-lost`; whoever
 * loses an answer reads back. A claimant that dies between steps 1 and 3 promised nothing and is skipped by the next.
 * Only the last line that is honoured may be unsynced by its writer (or be in the page cache only, after a failed
 * sync), hence the copy.
 *
 * What is left, should a dead-looking owner live on:
 *
 * | it still                      | harm                                                                     |
 * | ----------------------------- | ------------------------------------------------------------------------ |
 * | runs attempts                 | wasted work: they stage under their own UUIDs; their receipts are refused |
 * | leases or accepts             | none: `infra.claim-lost` before anybody hears of it                       |
 * | publishes                     | none: the sink's log decides once, and the loser adopts the winner        |
 * | completes or fails the run    | none: `infra.claim-lost`; the new owner asks the sink                     |
 * | is followed by a reader       | a reader may have shown its last, void events                             |
 *
 * On network file systems the check in "owning" must not be answered from a cache: mount with `lookupcache=none`.
 */

import { NightshiftError } from "../../errors.js";
import type { Claim } from "../../job/run.js";
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
  /** Absolute; made at the first run. */
  readonly stateDir: string;
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly processes: Processes;
}

/** Makes the names of temporary files unique in this process, whatever ledgers it opens. */
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

  /** The run as this process owns it. */
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
   * Makes one transition durable. What the guard answers instead of a record is true only when everything before it is
   * durable too, so that is waited for.
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
