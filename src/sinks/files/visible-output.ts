/** The published state under the output's own name, and how it is updated to the state of the log. */
import { join } from "node:path";
import { InfraError, SpecError } from "../../errors.js";
import type { FileSystem } from "../../stores/file-system.js";
import type { LogEntry } from "../publication-log/publication-log.js";
import { isRefusal } from "./durable-directories.js";
import {
  type Layout,
  linkTarget,
  manifestName,
  numbered,
  publicationOfVersion,
  versionName,
  versionOfLink,
} from "./layout.js";
import type { PublicationRecord } from "./publication-record.js";
import type { VersionTrees } from "./version-trees.js";

export type Visible =
  | { readonly kind: "absent" }
  /**
   * May be filled: an empty directory, or a symlink of Nightshift to a version that is missing or was
   * emptied.
   */
  | { readonly kind: "empty"; readonly is: "directory" | "symlink" }
  | { readonly kind: "linked" | "plain" | "file"; readonly publication: number }
  | { readonly kind: "foreign"; readonly is: "directory" | "symlink" | "file" | "other" };

export interface VisibleOutput {
  look(): Promise<Visible>;
  /** Returns whether the state of the log was shown and made durable, and this was recorded. */
  isSeenThrough(head: LogEntry): Promise<boolean>;
  /**
   * Returns whether the newest publication was shown once and then removed by hand. Then nothing is published
   * any more.
   */
  wasRemoved(head: LogEntry): Promise<boolean>;
  /**
   * Shows the state of the log's head, and repeats this until the log stops changing. Completes the work of a
   * process that died. Idempotent.
   */
  catchUp(): Promise<void>;
}

export function visibleOutput(
  fileSystem: FileSystem,
  layout: Layout,
  shape: "directory" | "file",
  record: PublicationRecord,
  trees: VersionTrees,
  newId: () => string,
): VisibleOutput {
  const markerOf = (entry: LogEntry) => join(layout.shown, numbered(entry.shownSince ?? 0));

  async function look(): Promise<Visible> {
    const stat = await fileSystem.stat(layout.to);
    if (stat === null) return { kind: "absent" };
    if (stat.kind === "symlink" && shape === "directory") return lookAtLink();
    if (stat.kind === "directory" && shape === "directory") return lookAtDirectory();
    if (stat.kind === "file" && shape === "file") return lookAtFile(stat.inode);
    return { kind: "foreign", is: stat.kind };
  }

  async function lookAtLink(): Promise<Visible> {
    const version = versionOfLink(layout, (await fileSystem.readlink(layout.to)) ?? "");
    const publication = version === null ? null : publicationOfVersion(version);
    if (version === null || publication === null) return { kind: "foreign", is: "symlink" };
    const whole = (await fileSystem.stat(join(layout.versions, version, manifestName))) !== null;
    return whole ? { kind: "linked", publication } : { kind: "empty", is: "symlink" };
  }

  async function lookAtDirectory(): Promise<Visible> {
    const manifest = await fileSystem.readFile(join(layout.to, manifestName));
    const publication = manifest === null ? null : await publicationNamedBy(manifest);
    if (publication !== null) return { kind: "plain", publication };
    const empty = ((await fileSystem.list(layout.to)) ?? []).length === 0;
    return empty ? { kind: "empty", is: "directory" } : { kind: "foreign", is: "directory" };
  }

  /** A manifest is only valid if the log agrees: a copied directory contains a copied manifest. */
  async function publicationNamedBy(manifest: Uint8Array): Promise<number | null> {
    try {
      const named = JSON.parse(new TextDecoder().decode(manifest)) as ManifestIdentity;
      const entry = typeof named.publication === "number" ? await record.entry(named.publication) : null;
      return entry?.action === "commit" && entry.run.id === named.run?.id ? entry.seq : null;
    } catch (error) {
      if (error instanceof SyntaxError) return null;
      throw error;
    }
  }

  async function lookAtFile(inode: string): Promise<Visible> {
    for (const version of (await fileSystem.list(layout.versions)) ?? []) {
      const publication = publicationOfVersion(version);
      if (publication === null) continue;
      const kept = await fileSystem.stat(join(layout.versions, version, layout.name));
      if (kept?.inode === inode) return { kind: "file", publication };
    }
    return { kind: "foreign", is: "file" };
  }

  async function isSeenThrough(head: LogEntry): Promise<boolean> {
    return (await fileSystem.stat(markerOf(head))) !== null;
  }

  async function wasRemoved(head: LogEntry): Promise<boolean> {
    const now = await look();
    if (now.kind !== "absent" && now.kind !== "empty") return false;
    return head.publication !== null && (await isSeenThrough(head));
  }

  async function catchUp(): Promise<void> {
    for (;;) {
      const head = await record.durableHead();
      if (head === null || head.publication === null) return;
      try {
        await show(await commitOf(head.publication), head);
      } catch (error) {
        // A faster process may have removed what this one was building, or its sources.
        const overtaken = isShown(await look(), { seq: head.publication }) || (await hasMovedOn(head));
        if (!overtaken) throw error;
      }
      if (!(await hasMovedOn(head))) {
        await markShown(head);
        return;
      }
    }
  }

  async function hasMovedOn(head: LogEntry): Promise<boolean> {
    return (await record.head())?.shownSince !== head.shownSince;
  }

  async function commitOf(publication: number): Promise<LogEntry> {
    const commit = await record.entry(publication);
    if (commit !== null && commit.commit !== null && !commit.compacted) return commit;
    throw new InfraError("infra.log-corrupt", `the publication log has lost entry ${publication}`, {
      hint: "Restore the log from a backup, or move the output and its hidden directory away and publish again.",
      details: { path: layout.log },
    });
  }

  async function show(commit: LogEntry, head: LogEntry): Promise<void> {
    await trees.ensureQuarantine(commit);
    if (shape === "file") await showFile(commit, head);
    else if (commit.commit?.mode === "error") await showPlain(commit, head);
    else await showLinked(commit, head);
    await fileSystem.syncDirectory(layout.parent);
  }

  /**
   * Renames a plain directory into place. If a publication of Nightshift is there already, the new one is
   * linked instead.
   */
  async function showPlain(commit: LogEntry, head: LogEntry): Promise<void> {
    const now = await look();
    if (isShown(now, commit)) return;
    if (now.kind !== "absent" && !(now.kind === "empty" && now.is === "directory")) {
      return showLinked(commit, head);
    }
    const tree = await trees.build(commit);
    if ((await hasMovedOn(head)) || !(await trees.renamed(tree, layout.to))) {
      await fileSystem.removeTree(tree);
      return (await hasMovedOn(head)) ? undefined : showPlain(commit, head);
    }
  }

  /** The symlink is made first, so that a plain directory is missing only for the time of two renames. */
  async function showLinked(commit: LogEntry, head: LogEntry): Promise<void> {
    if (isShown(await look(), commit)) return;
    await trees.ensure(commit);
    const link = join(layout.scratch, `link-${newId()}`);
    await fileSystem.symlink(linkTarget(layout, versionName(commit.seq, commit.run.id)), link);
    do {
      const now = await look();
      if (isShown(now, commit) || (await hasMovedOn(head))) return fileSystem.unlink(link);
      if (now.kind === "foreign") throw foreignOutput(layout, now.is);
      await makeWay(now);
    } while (!(await trees.renamed(link, layout.to)));
  }

  /** A symlink cannot be renamed over a directory. */
  async function makeWay(now: Visible): Promise<void> {
    if (now.kind === "plain") {
      const commit = await record.entry(now.publication);
      const moved = commit !== null && (await trees.renamed(layout.to, trees.pathOf(commit)));
      if (!moved) await trees.setAside(layout.to);
    } else if (now.kind === "empty" && now.is === "directory") {
      await trees.setAside(layout.to);
    }
  }

  async function showFile(commit: LogEntry, head: LogEntry): Promise<void> {
    if (isShown(await look(), commit)) return;
    await trees.ensure(commit);
    const kept = join(trees.pathOf(commit), layout.name);
    for (;;) {
      const now = await look();
      if (isShown(now, commit) || (await hasMovedOn(head))) return;
      if (now.kind === "absent") {
        // Unlike rename, link never replaces a file that was created in between.
        if ((await fileSystem.link(kept, layout.to)) === "linked") return;
        continue;
      }
      if (now.kind === "foreign" && (now.is !== "file" || commit.commit?.mode === "error")) {
        throw foreignOutput(layout, now.is);
      }
      const link = join(layout.scratch, `link-${newId()}`);
      await fileSystem.link(kept, link);
      await trees.renamed(link, layout.to);
    }
  }

  /** Not synced: if it is lost in a power cut, the output is shown once more. */
  async function markShown(head: LogEntry): Promise<void> {
    if (await isSeenThrough(head)) return;
    try {
      await fileSystem.writeFile(markerOf(head), "");
    } catch (error) {
      if (!isRefusal(error, "infra.occupied")) throw error;
    }
  }

  return { look, isSeenThrough, wasRemoved, catchUp };
}

interface ManifestIdentity {
  readonly publication?: unknown;
  readonly run?: { readonly id?: unknown };
}

export function isShown(now: Visible, commit: { readonly seq: number }): boolean {
  return "publication" in now && now.publication === commit.seq;
}

export function foreignOutput(layout: Layout, is: "directory" | "symlink" | "file" | "other"): SpecError {
  const what = is === "other" ? "something" : `a ${is}`;
  return new SpecError("refused.foreign-output", `${layout.to} is ${what} that Nightshift did not create`, {
    hint: "Move it away, or choose another output: what others put there would be lost.",
    details: { path: layout.to },
  });
}
