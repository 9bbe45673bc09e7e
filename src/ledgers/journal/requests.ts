/**
 * What people ask of processes that are at work, beside what those write: `runs/<run id>/cancel.<n>` asks the owner by
 * claim n to cancel the run, `backfill-stops/<job>.<n>` asks the job's backfills to stop. That a file is there says all.
 */
import type { FileSystem } from "../../file-system.js";
import type { Ledger } from "../../ledger.js";
import { unknownRun } from "../../ledger-refusals.js";
import { makeDurableDirectory } from "./durable-directory.js";
import { readHistory } from "./history.js";
import type { RunRegistry } from "./run-registry.js";

export type Requests = Pick<
  Ledger,
  "requestCancel" | "isCancelRequested" | "requestBackfillStop" | "lastBackfillStop"
>;

export interface RequestsOptions {
  readonly fileSystem: FileSystem;
  readonly registry: RunRegistry;
  readonly stateDir: string;
  /** A name that no process ever used before. */
  readonly uniqueName: () => string;
}

export function requests({ fileSystem, registry, stateDir, uniqueName }: RequestsOptions): Requests {
  const stops = `${stateDir}/backfill-stops`;

  /** Durable when it returns, whoever made it. */
  async function leave(directory: string, name: string): Promise<"linked" | "exists"> {
    const finished = `${directory}/${uniqueName()}.tmp`;
    await fileSystem.writeFile(finished, "");
    const outcome = await fileSystem.link(finished, `${directory}/${name}`);
    await fileSystem.unlink(finished);
    await fileSystem.syncDirectory(directory);
    return outcome;
  }

  async function lastStop(jobName: string): Promise<number> {
    const prefix = `${fileName(jobName)}.`;
    const names = (await fileSystem.list(stops)) ?? [];
    const numbers = names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
    return Math.max(0, ...numbers.filter((number) => /^\d+$/.test(number)).map(Number));
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

    async requestBackfillStop(jobName) {
      await makeDurableDirectory(fileSystem, stops);
      const before = await lastStop(jobName);
      // Where somebody else was faster, theirs was made after this one was asked for.
      await leave(stops, `${fileName(jobName)}.${before + 1}`);
      if (before > 0) await fileSystem.unlink(`${stops}/${fileName(jobName)}.${before}`);
    },

    async lastBackfillStop(jobName) {
      const last = await lastStop(jobName);
      return last === 0 ? null : String(last);
    },
  };
}

/** Jobs of `score` are called after their outputs. */
function fileName(jobName: string): string {
  return encodeURIComponent(jobName);
}
