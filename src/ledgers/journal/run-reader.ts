/** Reads runs: from any process, at any time, without a claim, while their owners write. */
import { toErrorRecord } from "../../errors.js";
import type { PartitionStatus } from "../../job/partition.js";
import type { Plan } from "../../job/plan.js";
import type { Run, RunState } from "../../job/run.js";
import type { FileSystem } from "../../stores/file-system.js";
import type { Ledger } from "../ledger.js";
import { illegal, unknownRun } from "../refusals.js";
import { foldHistory, type HeldRun } from "./claim.js";
import { type RunFold, startFold, toPartitionState, toRunState } from "./fold.js";
import { followRun } from "./follow.js";
import { readHistory } from "./history.js";
import { isUnreadable } from "./journal-errors.js";
import { indexPlanFile, type PlanIndex, readPartition, readPlanHeader } from "./plan-file.js";
import type { PlanFile } from "./records.js";
import { type RunRegistry, readAhead } from "./run-registry.js";

export interface RunReader
  extends Pick<
    Ledger,
    | "readPlan"
    | "loadTask"
    | "readRun"
    | "listRuns"
    | "readPartition"
    | "listPartitions"
    | "countPartitions"
    | "changes"
  > {
  readFold(run: Run): Promise<RunFold>;
  /** Caches a plan that this process has just written, so that it is not read back. */
  remember(runId: string, file: PlanFile, plan: Plan, index: PlanIndex): void;
}

export interface RunReaderOptions {
  readonly fileSystem: FileSystem;
  readonly registry: RunRegistry;
  readonly stateDir: string;
  /** Returns the run if this process owns it; its state is in memory then. */
  readonly heldRun: (runId: string) => HeldRun | undefined;
}

/** Number of recently read plans to cache. */
const rememberedPlans = 4;

export function runReader({ fileSystem, registry, stateDir, heldRun }: RunReaderOptions): RunReader {
  const headers = recent<Plan>(rememberedPlans);
  const indexes = recent<PlanIndex>(rememberedPlans);

  async function findRun(runId: string): Promise<Run> {
    const run = heldRun(runId)?.fold.run ?? (await registry.read(runId));
    if (run === null) throw unknownRun(runId, stateDir);
    return run;
  }

  async function readFold(run: Run): Promise<RunFold> {
    const held = heldRun(run.id);
    // After a refusal, memory is ahead of the disk or of another owner's records.
    if (held !== undefined && held.writer.refusal === null) return held.fold;
    const history = await readHistory(fileSystem, registry.directory(run.id));
    return (await foldHistory(fileSystem, run, history)).fold;
  }

  /** Reads one run of a listing. A damaged journal must not hide the other runs. */
  async function readListed(run: Run): Promise<RunState> {
    try {
      return toRunState(await readFold(run));
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      return { ...toRunState(startFold(run)), status: "failed", error: toErrorRecord(error) };
    }
  }

  function readHeader(runId: string, file: PlanFile): Promise<Plan> {
    return headers(`${runId}/${file.file}`, () =>
      readPlanHeader(fileSystem, registry.directory(runId), file),
    );
  }

  function readIndex(runId: string, file: PlanFile): Promise<PlanIndex> {
    return indexes(`${runId}/${file.file}`, () => indexPlanFile(fileSystem, registry.directory(runId), file));
  }

  return {
    readFold,

    remember(runId, { file }, plan, index) {
      void headers(`${runId}/${file}`, async () => plan);
      void indexes(`${runId}/${file}`, async () => index);
    },

    async readPlan(runId) {
      const run = await findRun(runId);
      const { plan } = await readFold(run);
      return plan === null ? null : readHeader(runId, plan);
    },

    async loadTask(ref) {
      const run = await findRun(ref.runId);
      const { plan: file } = await readFold(run);
      const what = `load partition ${ref.partition}`;
      if (file === null) throw illegal(ref.runId, what, "it has no plan");
      if (!Number.isInteger(ref.partition) || ref.partition < 0 || ref.partition >= file.partitions)
        throw illegal(ref.runId, what, `it has ${file.partitions} partitions`);
      const directory = registry.directory(ref.runId);
      const index = await readIndex(ref.runId, file);
      const partition = await readPartition(fileSystem, directory, file, index, ref.partition);
      return { run, ref, plan: await readHeader(ref.runId, file), partition };
    },

    async readRun(runId) {
      const run = heldRun(runId)?.fold.run ?? (await registry.read(runId));
      return run === null ? null : toRunState(await readFold(run));
    },

    async *listRuns({ jobId, scope, jobName, trigger, statuses, before } = {}) {
      const runs =
        jobId !== undefined && scope !== undefined ? registry.listScope(jobId, scope) : registry.list();
      let isPast = before === undefined;
      const wanted = (run: Run) => {
        const wasPast = isPast;
        isPast ||= run.id === before;
        return (
          wasPast &&
          (jobId === undefined || run.key.jobId === jobId) &&
          (scope === undefined || run.key.scope === scope) &&
          (jobName === undefined || run.jobName === jobName) &&
          (trigger === undefined || run.trigger === trigger)
        );
      };
      const states = readAhead(only(runs, wanted), readListed);
      yield* statuses === undefined ? states : only(states, ({ status }) => statuses.includes(status));
    },

    async readPartition(runId, partition) {
      const { plan, partitions } = await readFold(await findRun(runId));
      const progress = partitions[partition];
      const what = `read partition ${partition}`;
      if (plan === null || progress === undefined) throw illegal(runId, what, `it has ${partitions.length}`);
      return toPartitionState(progress, partition, (await readIndex(runId, plan)).rows[partition] ?? 0);
    },

    async *listPartitions(runId) {
      const { plan, partitions } = await readFold(await findRun(runId));
      if (plan === null) return;
      const { rows } = await readIndex(runId, plan);
      for (const [index, progress] of [...partitions].entries())
        yield toPartitionState(progress, index, rows[index] ?? 0);
    },

    async countPartitions(runId) {
      const { partitions } = await readFold(await findRun(runId));
      const counts: { [status in PartitionStatus]?: number } = {};
      for (const { status } of partitions) counts[status] = (counts[status] ?? 0) + 1;
      return counts;
    },

    async *changes(runId, signal) {
      const run = await findRun(runId);
      yield* followRun(fileSystem, registry.directory(runId), run, signal);
    },
  };
}

async function* only<T>(items: AsyncIterable<T>, wanted: (item: T) => boolean): AsyncGenerator<T> {
  for await (const item of items) if (wanted(item)) yield item;
}

/** Caches the last few results by name. Concurrent calls share one read; a failed read is not cached. */
function recent<T>(limit: number): (name: string, read: () => Promise<T>) => Promise<T> {
  const known = new Map<string, Promise<T>>();
  return (name, read) => {
    const found = known.get(name) ?? read();
    known.delete(name);
    known.set(name, found);
    found.catch(() => known.delete(name));
    for (const oldest of known.keys()) {
      if (known.size <= limit) break;
      known.delete(oldest);
    }
    return found;
  };
}
