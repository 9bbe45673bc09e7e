/**
 * Versions: complete trees of hard links. They are built under another name, so a tree with a version's name
 * is complete.
 */
import { dirname, join } from "node:path";
import type { FileSystem } from "../../stores/file-system.js";
import type { LogEntry, LoggedFile } from "../publication-log/publication-log.js";
import { directoriesBelow, isRefusal } from "./durable-directories.js";
import { type Layout, manifestName, successName, versionName } from "./layout.js";
import { manifestOf } from "./manifest.js";
import { damagedFile, missingFile } from "./published-whole.js";

export interface VersionTrees {
  /** Returns the path of a commit's version. */
  pathOf(commit: LogEntry): string;
  /**
   * Makes sure that the version exists, complete and durable. Idempotent; several processes may call it at
   * once.
   */
  ensure(commit: LogEntry): Promise<void>;
  /** Builds the version under a temporary name; it is durable except for that name. */
  build(commit: LogEntry): Promise<string>;
  /** Publishes the quarantine files of a commit. Idempotent. */
  ensureQuarantine(commit: LogEntry): Promise<void>;
  /** Renames without replacing a non-empty directory. `false`: the target exists. */
  renamed(from: string, to: string): Promise<boolean>;
  /** Moves a path away without losing its content. */
  setAside(path: string): Promise<string>;
}

/** Prefixes of names in `v/` that are not versions. */
export const buildingPrefix = ".building-";
export const asidePrefix = ".aside-";

export function versionTrees(fileSystem: FileSystem, layout: Layout, newId: () => string): VersionTrees {
  const pathOf = (commit: LogEntry) => join(layout.versions, versionName(commit.seq, commit.run.id));
  const quarantineOf = (commit: LogEntry) => join(layout.quarantine, commit.run.id);

  async function build(commit: LogEntry): Promise<string> {
    return buildTree(commit, commit.files, [
      [manifestName, manifestOf(commit)],
      [successName, ""],
    ]);
  }

  async function buildTree(
    commit: LogEntry,
    files: readonly LoggedFile[],
    texts: readonly (readonly [name: string, text: string])[],
  ): Promise<string> {
    const root = join(layout.versions, `${buildingPrefix}${versionName(commit.seq, newId())}`);
    await fileSystem.mkdir(root);
    const inner = directoriesBelow(
      root,
      files.map((file) => join(root, file.path)),
    );
    for (const directory of [...inner].reverse()) await fileSystem.mkdir(directory);
    for (const file of files) await linkStaged(file, join(root, file.path), commit);
    for (const [name, text] of texts) await fileSystem.writeFile(join(root, name), text);
    for (const directory of [...inner, root]) await fileSystem.syncDirectory(directory);
    return root;
  }

  async function linkStaged(file: LoggedFile, to: string, commit: LogEntry): Promise<void> {
    const staged = join(layout.staging, file.staged);
    try {
      await fileSystem.link(staged, to);
    } catch (error) {
      throw isRefusal(error, "infra.not-found") ? missingFile(staged, file, commit) : error;
    }
    const stat = await fileSystem.stat(to);
    if (stat !== null && stat.size !== file.bytes) throw damagedFile(staged, file, stat.size, commit);
  }

  async function renamed(from: string, to: string): Promise<boolean> {
    try {
      await fileSystem.rename(from, to);
      return true;
    } catch (error) {
      if (isRefusal(error, "infra.occupied")) return false;
      throw error;
    }
  }

  async function setAside(path: string): Promise<string> {
    const aside = join(layout.versions, `${asidePrefix}${newId()}`);
    await fileSystem.rename(path, aside);
    return aside;
  }

  async function place(tree: string, at: string): Promise<void> {
    if (!(await renamed(tree, at))) await fileSystem.removeTree(tree);
    await fileSystem.syncDirectory(dirname(at));
  }

  return {
    pathOf,
    build,
    renamed,
    setAside,
    async ensure(commit) {
      const path = pathOf(commit);
      if ((await fileSystem.stat(path)) !== null) {
        // Emptied by hand, for example by `rm -rf out/*` through the symlink: complete versions have a
        // manifest.
        if ((await fileSystem.stat(join(path, manifestName))) !== null) {
          await fileSystem.syncDirectory(layout.versions);
          return;
        }
        await setAside(path);
      }
      await place(await build(commit), path);
    },
    async ensureQuarantine(commit) {
      const files = commit.commit?.quarantine ?? [];
      if (files.length === 0) return;
      await fileSystem.mkdir(layout.quarantine);
      if ((await fileSystem.stat(quarantineOf(commit))) !== null) {
        await fileSystem.syncDirectory(layout.quarantine);
        return;
      }
      await place(await buildTree(commit, files, []), quarantineOf(commit));
    },
  };
}
