/**
 * Removes files that are no longer reachable. If a process dies here, the next collection removes the rest.
 */
import { join } from "node:path";
import type { FileSystem } from "../../stores/file-system.js";
import { decisionOf, type LogEntry } from "../publication-log/publication-log.js";
import { keptForRollback, type Sink } from "../sink.js";
import { type Layout, numbered, publicationOfVersion } from "./layout.js";
import type { PublicationRecord } from "./publication-record.js";
import { asidePrefix, buildingPrefix } from "./version-trees.js";
import { isShown, type VisibleOutput } from "./visible-output.js";

interface Collecting {
  /**
   * Called after a publication or rollback was shown: removes what it superseded. It does not walk the whole
   * staging area.
   */
  afterShowing(): Promise<void>;
  readonly collect: Sink["collect"];
}

/** Prefix of directories in staging that publishers create; they belong to the run, not to an attempt. */
export const joinedPrefix = "joined-";

export function collecting(
  fileSystem: FileSystem,
  layout: Layout,
  record: PublicationRecord,
  visible: VisibleOutput,
): Collecting {
  const list = async (path: string) => (await fileSystem.list(path)) ?? [];

  /**
   * Returns the trees that may be removed once the head is shown: older versions, and leftovers of builders.
   */
  async function spentVersions(kept: ReadonlySet<number>, head: LogEntry): Promise<readonly string[]> {
    const spent = (name: string) => {
      if (name.startsWith(asidePrefix)) return true;
      const building = name.startsWith(buildingPrefix);
      const publication = publicationOfVersion(building ? name.slice(buildingPrefix.length) : name);
      // A number above the head belongs to a process with a newer view of the log.
      return publication !== null && publication <= head.seq && (building || !kept.has(publication));
    };
    return (await list(layout.versions)).filter(spent).map((name) => join(layout.versions, name));
  }

  async function spentStagingOf(runId: string, kept: KeptFiles): Promise<readonly string[]> {
    const root = join(layout.staging, runId);
    if (!kept.runs.has(runId)) return (await fileSystem.stat(root)) === null ? [] : [root];
    const attempts = await list(root);
    return attempts.filter((id) => !kept.attempts.has(`${runId}/${id}`)).map((id) => join(root, id));
  }

  /**
   * Returns staging of an undecided run: superseded attempts, if other attempts of the run are known to be
   * live.
   */
  async function overtakenAttempts(
    runId: string,
    attempts: readonly string[],
    live: ReadonlySet<string>,
  ): Promise<readonly string[]> {
    // If no attempt is known, the run may belong to another ledger. It stays until its decision.
    if (!attempts.some((id) => live.has(id))) return [];
    return attempts
      .filter((id) => !live.has(id) && !id.startsWith(joinedPrefix))
      .map((id) => join(layout.staging, runId, id));
  }

  /**
   * Yields old entries, newest first, from the first one that no kept entry refers to, down to those that
   * were compacted before.
   */
  async function* spentEntries(kept: ReadonlySet<number>, head: LogEntry): AsyncIterable<LogEntry> {
    for (let seq = Math.min(head.seq, ...kept) - 1; seq > 0; seq--) {
      const entry = await record.entry(seq);
      if (entry === null || entry.compacted) return;
      yield entry;
    }
  }

  async function isSettled(head: LogEntry): Promise<boolean> {
    return head.publication === null || isShown(await visible.look(), { seq: head.publication });
  }

  async function remove(paths: readonly string[]): Promise<void> {
    for (const path of paths) await fileSystem.removeTree(path);
  }

  async function afterShowing(): Promise<void> {
    const head = await record.head();
    if (head === null || !(await isSettled(head))) return;
    const kept = await keptPublications(record, head);
    const files = await keptFiles(record, head, kept);
    await remove(await spentVersions(kept, head));
    await remove(await spentStagingOf(head.run.id, files));
    for await (const entry of spentEntries(kept, head)) {
      const runs = new Set([entry.run.id, ...entry.files.map((file) => file.runId)]);
      for (const runId of runs) await remove(await spentStagingOf(runId, files));
      await record.compact(entry);
    }
    for (const name of await list(layout.shown)) {
      if (name < numbered(head.shownSince ?? 0)) await fileSystem.unlink(join(layout.shown, name));
    }
  }

  async function unreachable(
    liveAttempts: () => Promise<ReadonlySet<string>>,
    givenUp: ReadonlySet<string>,
  ): Promise<readonly string[]> {
    // Listed before the ledger is read: an attempt is in the ledger before it stages, so no live attempt is
    // taken for dead.
    const staged = await Promise.all(
      (await list(layout.staging)).map(
        async (runId) => [runId, await list(join(layout.staging, runId))] as const,
      ),
    );
    const live = await liveAttempts();
    const head = await record.durableHead();
    const found: string[] = [];
    const settled = head === null || (await isSettled(head));
    const kept = head === null ? new Set<number>() : await keptPublications(record, head);
    const files = head === null ? noFiles : await keptFiles(record, head, kept);
    for (const [runId, attempts] of staged) {
      const decision = decisionOf(head, runId);
      if (decision === null && givenUp.has(runId)) found.push(join(layout.staging, runId));
      else if (decision === null) found.push(...(await overtakenAttempts(runId, attempts, live)));
      else if (settled || decision.outcome === "abort") found.push(...(await spentStagingOf(runId, files)));
    }
    if (head === null || !settled) return found;
    found.push(...(await spentVersions(kept, head)));
    for (const name of await list(layout.scratch)) {
      const runId = /^entry-(.+)\.[^.]+$/.exec(name)?.[1];
      const undecided = runId !== undefined && decisionOf(head, runId) === null;
      if (!undecided) found.push(join(layout.scratch, name));
    }
    return found;
  }

  /** Returns the number of bytes that a removal frees: a file with another hard link keeps its space. */
  async function bytesFreedBy(paths: readonly string[]): Promise<number> {
    const counted = new Map<string, number>();
    for (const path of paths) await sumFiles(path, (inode, size) => counted.set(inode, size));
    const head = await record.head();
    const kept =
      head === null ? noFiles : await keptFiles(record, head, await keptPublications(record, head));
    for (const staged of kept.staged) {
      const stat = await fileSystem.stat(join(layout.staging, staged));
      if (stat !== null) counted.delete(stat.inode);
    }
    return [...counted.values()].reduce((sum, size) => sum + size, 0);
  }

  async function sumFiles(path: string, add: (inode: string, size: number) => void): Promise<void> {
    const stat = await fileSystem.stat(path);
    if (stat?.kind === "file") add(stat.inode, stat.size);
    if (stat?.kind === "directory") {
      for (const name of await list(path)) await sumFiles(join(path, name), add);
    }
  }

  return {
    afterShowing,
    async collect(liveAttempts, dryRun, givenUp = new Set()) {
      const removed = await unreachable(liveAttempts, dryRun ? givenUp : new Set());
      const bytes = await bytesFreedBy(removed);
      if (!dryRun) {
        await remove(removed);
        await afterShowing();
      }
      return { removed, bytes };
    },
  };
}

/**
 * Returns the publications whose versions stay: the visible one, those that a rollback could show, and the
 * one that was visible before, which readers may still be using.
 */
async function keptPublications(record: PublicationRecord, head: LogEntry): Promise<ReadonlySet<number>> {
  const shown = head.shownSince === null ? null : await record.entry(head.shownSince);
  const before = shown?.previous ? await record.entry(shown.previous) : null;
  const kept = new Set([head.publication, before?.publication ?? null].filter((seq) => seq !== null));
  let { beneath } = head;
  for (let back = 0; back < keptForRollback && beneath !== null; back++) {
    const entry: LogEntry | null = await record.entry(beneath);
    // Compacted when fewer publications were kept.
    if (entry === null || entry.compacted) break;
    kept.add(beneath);
    ({ beneath } = entry);
  }
  return kept;
}

interface KeptFiles {
  /** Paths of staged files that a kept publication needs, and their directories. */
  readonly staged: ReadonlySet<string>;
  readonly runs: ReadonlySet<string>;
  readonly attempts: ReadonlySet<string>;
}

const noFiles: KeptFiles = { staged: new Set(), runs: new Set(), attempts: new Set() };

async function keptFiles(
  record: PublicationRecord,
  head: LogEntry,
  kept: ReadonlySet<number>,
): Promise<KeptFiles> {
  const staged = new Set(head.files.map((file) => file.staged));
  for (const seq of kept) {
    const entry = await record.entry(seq);
    for (const file of [...(entry?.files ?? []), ...(entry?.commit?.quarantine ?? [])])
      staged.add(file.staged);
  }
  const parts = [...staged].map((path) => path.split("/"));
  return {
    staged,
    runs: new Set(parts.map(([run = ""]) => run)),
    attempts: new Set(parts.map(([run = "", attempt = ""]) => `${run}/${attempt}`)),
  };
}
