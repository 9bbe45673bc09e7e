/**
 * Requests of users to running or future processes, stored beside the files that those processes write. The
 * existence of a file is the request:
 *
 * - `runs/<run id>/cancel.<n>` asks the owner by claim n to cancel the run
 * - `retries/<run id>.<n>` asks to resume a run that has failed or been cancelled n times so far
 * - `backfill-stops/<job>.<n>` asks the job's backfills to stop
 */

import { isActive, isFinal, type Run } from "../../job/run.js";
import type { FileSystem } from "../../stores/file-system.js";
import type { Requests } from "../ledger.js";
import { requireRunId, unknownRun } from "../refusals.js";
import { makeDurableDirectory } from "./durable-directory.js";
import { type RunFold, toRunState } from "./fold.js";
import { readHistory } from "./history.js";
import type { RunRegistry } from "./run-registry.js";

export interface RequestsOptions {
  readonly fileSystem: FileSystem;
  readonly registry: RunRegistry;
  readonly stateDir: string;
  /** Returns a name that no process has used before. */
  readonly uniqueName: () => string;
  readonly readFold: (run: Run) => Promise<RunFold>;
}

export function requests(options: RequestsOptions): Requests {
  const { fileSystem, registry, stateDir, uniqueName, readFold } = options;
  const stops = `${stateDir}/backfill-stops`;
  const retries = `${stateDir}/retries`;

  /** Creates a request file; it is durable on return, even if another process created it. */
  async function leave(directory: string, name: string): Promise<"linked" | "exists"> {
    const finished = `${directory}/${uniqueName()}.tmp`;
    await fileSystem.writeFile(finished, "");
    const outcome = await fileSystem.link(finished, `${directory}/${name}`);
    await fileSystem.unlink(finished);
    await fileSystem.syncDirectory(directory);
    return outcome;
  }

  /** Returns every n of the files `<name>.<n>`. */
  async function numbersOf(directory: string, name: string): Promise<readonly number[]> {
    const names = (await fileSystem.list(directory)) ?? [];
    return names
      .filter((each) => each.startsWith(`${name}.`))
      .map((each) => each.slice(name.length + 1))
      .filter((number) => /^\d+$/.test(number))
      .map(Number);
  }

  async function lastStop(jobName: string): Promise<number> {
    return Math.max(0, ...(await numbersOf(stops, fileName(jobName))));
  }

  /**
   * Returns the run if it has a pending retry request. Requests that were answered by an end of the run are
   * removed.
   */
  async function toBeRetried(runId: string, numbers: readonly number[]): Promise<RunFold | null> {
    const run = numbers.length === 0 ? null : await registry.read(runId);
    if (run === null) return null;
    const fold = await readFold(run);
    const stands = numbers.filter((ends) => !isFinal(fold) && fold.ends <= ends);
    for (const ends of numbers)
      if (!stands.includes(ends)) await fileSystem.unlink(`${retries}/${runId}.${ends}`);
    return stands.length === 0 ? null : fold;
  }

  return {
    async requestCancel(runId) {
      if ((await registry.read(runId)) === null) throw unknownRun(runId, stateDir);
      const directory = registry.directory(runId);
      const { newest } = await readHistory(fileSystem, directory);
      if (newest > 0) await leave(directory, `cancel.${newest}`);
    },

    async isCancelRequested({ runId, coordinatorEpoch }) {
      return (await fileSystem.stat(`${registry.directory(runId)}/cancel.${coordinatorEpoch}`)) !== null;
    },

    async isCancelPending(runId) {
      const run = await registry.read(runId);
      const asked = run === null ? [] : await numbersOf(registry.directory(runId), "cancel");
      if (run === null || asked.length === 0) return false;
      if (!isActive(await readFold(run))) return false;
      // A claimant that died before its claim took effect may have received the request instead of the owner.
      const { segments } = await readHistory(fileSystem, registry.directory(runId));
      return Math.max(...asked) >= (segments.at(-1)?.journal ?? 0);
    },

    async requestRetry(runId) {
      const run = await registry.read(runId);
      if (run === null) throw unknownRun(runId, stateDir);
      await makeDurableDirectory(fileSystem, retries);
      await leave(retries, `${runId}.${(await readFold(run)).ends}`);
    },

    async withdrawRetry(runId) {
      requireRunId(runId);
      const numbers = await numbersOf(retries, runId);
      for (const ends of numbers) await fileSystem.unlink(`${retries}/${runId}.${ends}`);
      if (numbers.length > 0) await fileSystem.syncDirectory(retries);
    },

    async isRetryRequested(runId) {
      requireRunId(runId);
      return (await toBeRetried(runId, await numbersOf(retries, runId))) !== null;
    },

    async *listRetries() {
      const names = (await fileSystem.list(retries)) ?? [];
      const runIds = names.flatMap((name) => /^(.+)\.\d+$/.exec(name)?.[1] ?? []);
      for (const runId of new Set(runIds)) {
        const fold = await toBeRetried(runId, await numbersOf(retries, runId));
        if (fold !== null) yield toRunState(fold);
      }
    },

    async requestBackfillStop(jobName) {
      await makeDurableDirectory(fileSystem, stops);
      const before = await lastStop(jobName);
      // If another process was faster, its request was made after this one was started, so it serves both.
      await leave(stops, `${fileName(jobName)}.${before + 1}`);
      if (before > 0) await fileSystem.unlink(`${stops}/${fileName(jobName)}.${before}`);
    },

    async lastBackfillStop(jobName) {
      const last = await lastStop(jobName);
      return last === 0 ? null : String(last);
    },
  };
}

/** Jobs of `score` are named after their outputs, so the name is encoded. */
function fileName(jobName: string): string {
  return encodeURIComponent(jobName);
}
