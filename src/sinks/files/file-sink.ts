/**
 * Publishes staged files on a local disk through the publication log. `layout.ts` describes the directories.
 */
import { join } from "node:path";
import { InfraError, SpecError } from "../../errors.js";
import type { WriteMode } from "../../job/output.js";
import type { Receipt } from "../../job/partition.js";
import type { Run } from "../../job/run.js";
import type { FileSystem } from "../../stores/file-system.js";
import type { Clock } from "../../time/clock.js";
import { withHead } from "../publication-log/deciding.js";
import type { CommitIntent } from "../publication-log/next-entry.js";
import {
  decisionOf,
  type LogEntry,
  type LoggedFile,
  type LogRun,
  publishedOf,
} from "../publication-log/publication-log.js";
import type { Decision, LiveFile, PublicationDetails, Sink } from "../sink.js";
import {
  refuseAddedFiles,
  refuseOtherDevices,
  refuseWhatIsThere,
  refuseWithoutHardLinks,
} from "./check-target.js";
import { collecting } from "./collecting.js";
import { ensureArea, isRefusal } from "./durable-directories.js";
import { assertReceiptsAddUp, assertStaged, type Join, joinedFile } from "./gather-files.js";
import { layoutOf, versionName } from "./layout.js";
import { atTarget, publicationRecord } from "./publication-record.js";
import { publishedFiles, publishedQuarantine } from "./published-names.js";
import { assertWhole, verifyFiles } from "./published-whole.js";
import { rollBack } from "./roll-back.js";
import { versionTrees } from "./version-trees.js";
import { isShown, visibleOutput } from "./visible-output.js";

export interface FileSinkOptions {
  /** Absolute path of the output: a directory, or one file. */
  readonly to: string;
  readonly shape: "directory" | "file";
  readonly mode: WriteMode;
  readonly partitionBy: readonly string[];
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly newId: () => string;
  /**
   * Joins staged parts into one new file, in a worker host; the content is synced. Used only for
   * `shape: "file"`.
   */
  readonly join: Join;
}

export function fileSink(options: FileSinkOptions): Sink {
  const { fileSystem, clock, newId, shape, mode, partitionBy } = options;
  refuseOneFileOfMany(options);
  const layout = layoutOf(options.to);
  const record = publicationRecord(fileSystem, layout, newId);
  const trees = versionTrees(fileSystem, layout, newId);
  const visible = visibleOutput(fileSystem, layout, shape, record, trees, newId);
  const garbage = collecting(fileSystem, layout, record, visible);
  const now = () => clock.now().toISOString();

  /** By run id: number of the log's head when this coordinator first examined the output for the run. */
  const lookedAt = new Map<string, number>();

  async function commitIntent(
    run: LogRun,
    files: readonly LoggedFile[],
    quarantine: readonly LoggedFile[],
    details: PublicationDetails | undefined,
  ): Promise<CommitIntent> {
    const head = await record.head();
    return {
      action: "commit",
      at: now(),
      run,
      files,
      lookedAt: lookedAt.get(run.id) ?? 0,
      removed: head !== null && (await visible.wasRemoved(head)) ? head.publication : null,
      details: {
        mode,
        partitionBy,
        columns: details?.columns ?? null,
        modelSha256: details?.modelSha256 ?? null,
        quarantine,
      },
    };
  }

  async function gathered(run: LogRun, receipts: readonly Receipt[]): Promise<readonly LoggedFile[]> {
    const files = publishedFiles({ run, mode, partitionBy }, receipts);
    await assertStaged(fileSystem, layout, files);
    if (shape === "directory") return files;
    const joined = await joinedFile(fileSystem, layout, run, files, options.join, newId);
    await assertStaged(fileSystem, layout, [joined]);
    return [joined];
  }

  async function commit(
    run: LogRun,
    receipts: readonly Receipt[],
    details: PublicationDetails | undefined,
  ): Promise<Decision> {
    assertReceiptsAddUp(receipts);
    const quarantine = publishedQuarantine(run, receipts);
    await assertStaged(fileSystem, layout, quarantine);
    const files = await gathered(run, receipts);
    const intent = await commitIntent(run, files, quarantine, details);
    const head = await record.head();
    const next = withHead(intent, head);
    if (next.step === "put") await assertWhole(fileSystem, layout, stayingIn(next.entry, run), head);
    const { outcome, seq } = await record.decide(intent);
    return { outcome: outcome === "abort" ? "abort" : "commit", publication: seq };
  }

  /** A process that decided the run meanwhile may have removed the files that were about to be published. */
  function adoptOrThrow(runId: string): (error: unknown) => Promise<Decision> {
    return async (error) => {
      const decision = await decisionOn(runId);
      if (decision === null) throw error;
      return decision;
    };
  }

  async function decisionOn(runId: string): Promise<Decision | null> {
    const decision = decisionOf(await record.durableHead(), runId);
    if (decision === null) return null;
    const { outcome, publication, rolledBack } = decision;
    return { outcome, publication, ...(rolledBack === undefined ? {} : { rolledBack: true }) };
  }

  async function seeThrough(): Promise<void> {
    await visible.catchUp();
    await bestEffort(garbage.afterShowing());
  }

  /**
   * Completes a publication that was decided and never shown: its coordinator died, maybe together with its
   * ledger.
   */
  async function completeWhatDied(head: LogEntry | null): Promise<void> {
    if (head === null || head.publication === null || (await visible.wasRemoved(head))) return;
    const there = await visible.look();
    if (there.kind === "foreign" || isShown(there, { seq: head.publication })) return;
    await seeThrough().catch((error) => {
      // The run that is about to be published may be the one that replaces the damaged file.
      if (!isRefusal(error, "infra.published-file-missing", "infra.published-file-damaged")) throw error;
    });
  }

  return {
    async check(run) {
      const logRun = toLogRun(run, "");
      const head = await record.head();
      if (decisionOf(head, run.id)?.outcome === "commit") return;
      if (!lookedAt.has(run.id)) lookedAt.set(run.id, head?.seq ?? 0);
      await completeWhatDied(head);
      const there = await visible.look();
      refuseWhatIsThere(layout, shape, mode, there);
      const shown = there.kind === "plain" ? await record.entry(there.publication) : null;
      if (shown !== null && !shown.compacted) await refuseAddedFiles(fileSystem, layout, shown);
      const first = withHead(await commitIntent(logRun, [], [], undefined), head);
      if (first.step === "refused") throw atTarget(layout, first.error);
      // With `partition_by`, the rows determine which files stay, so this is checked when the run is
      // published.
      if (first.step === "put" && partitionBy.length === 0)
        await assertWhole(fileSystem, layout, stayingIn(first.entry, logRun), head);
      await ensureArea(fileSystem, layout);
      await refuseOtherDevices(fileSystem, layout);
      await refuseWithoutHardLinks(fileSystem, layout, newId);
    },

    async publish(run, fingerprint, receipts, details) {
      await ensureArea(fileSystem, layout);
      const decision =
        (await decisionOn(run.id)) ??
        (await commit(toLogRun(run, fingerprint), receipts, details).catch(adoptOrThrow(run.id)));
      if (decision.outcome === "commit") await seeThrough();
      return decision;
    },

    async abort(run) {
      await ensureArea(fileSystem, layout);
      let decision = await decisionOn(run.id);
      if (decision === null) {
        const { outcome, seq } = await record.decide({ action: "abort", at: now(), run: toLogRun(run, "") });
        decision = { outcome: outcome === "abort" ? "abort" : "commit", publication: seq };
      }
      if (decision.outcome === "commit") await seeThrough();
      else await bestEffort(fileSystem.removeTree(join(layout.staging, run.id)));
      return decision;
    },

    seeThrough,
    lookup: decisionOn,

    async published(jobId, scope) {
      const live = publishedOf(await record.head(), jobId, scope);
      const there = await visible.look();
      // The output was removed or replaced by something else: nothing is published there any more.
      if (live === null || !("publication" in there) || there.publication < live.publication) return null;
      const { publication, id, generation, fingerprint, at } = live;
      return { publication, runId: id, generation, fingerprint, at };
    },

    rollback: (last = 1) => rollBack({ fileSystem, layout, record, visible, seeThrough, now }, last),

    async files(): Promise<readonly LiveFile[]> {
      const publication = await readablePublication();
      const commit = publication === null ? null : await record.entry(publication);
      if (commit === null) return [];
      const root = await rootOf(commit);
      return commit.files.map(({ path, rows, bytes, sha256 }) => ({
        path: shape === "file" ? layout.to : join(root, path),
        rows,
        bytes,
        sha256,
      }));
    },

    async verify() {
      const publication = await readablePublication();
      const commit = publication === null ? null : await record.entry(publication);
      return verifyFiles(fileSystem, layout, commit?.files ?? []);
    },

    async quarantineFiles(runId) {
      const decision = decisionOf(await record.head(), runId);
      const commit = decision?.outcome === "commit" ? await record.entry(decision.publication) : null;
      return (commit?.commit?.quarantine ?? []).map((file) => join(layout.quarantine, runId, file.path));
    },

    quarantinedRows: async () => null,
    outlook: async () => [],
    collect: garbage.collect,
  };

  /**
   * Returns the log's head if its version can be read; while that is being built, the publication that is
   * still visible.
   */
  async function readablePublication(): Promise<number | null> {
    const head = await record.head();
    const there = await visible.look();
    if (!("publication" in there)) return null;
    if (head === null || head.publication === null) return there.publication;
    const commit = await record.entry(head.publication);
    const built = commit !== null && (await fileSystem.stat(trees.pathOf(commit))) !== null;
    return built && shape === "directory" ? head.publication : there.publication;
  }

  async function rootOf(commit: LogEntry): Promise<string> {
    const version = join(layout.versions, versionName(commit.seq, commit.run.id));
    return (await fileSystem.stat(version)) === null ? layout.to : version;
  }
}

/** Returns the files of earlier publications that an entry keeps. */
function stayingIn(entry: LogEntry, { id }: Pick<LogRun, "id">): readonly LoggedFile[] {
  return entry.files.filter(({ runId }) => runId !== id);
}

/** Cleaning up may fail without harm: `gc` repeats it. */
async function bestEffort(clearing: Promise<void>): Promise<void> {
  await clearing.catch((error: unknown) => {
    if (!(error instanceof InfraError)) throw error;
  });
}

function toLogRun(run: Run, fingerprint: string): LogRun {
  // The id is used as a directory name.
  if (!/^[\w][\w.+-]*$/.test(run.id)) throw new Error(`a run's id must be a file name: ${run.id}`);
  const { jobId, scope, generation } = run.key;
  const { id, jobName, interval, createdAt } = run;
  return { id, jobId, jobName, scope, generation, fingerprint, interval, createdAt };
}

function refuseOneFileOfMany({ shape, mode, partitionBy, to }: FileSinkOptions): void {
  if (shape === "directory") return;
  if (mode === "append") {
    throw new SpecError("spec.append-needs-directory", `mode \`append\` cannot write one file: ${to}`, {
      hint: "Write to a directory: end the output with `/`.",
    });
  }
  if (partitionBy.length > 0) {
    throw new SpecError("spec.partition-needs-directory", `\`partition_by\` cannot write one file: ${to}`, {
      hint: "Write to a directory: end the output with `/`.",
    });
  }
}
