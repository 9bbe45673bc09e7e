/** Looks for the project around a directory, and judges whether somebody else can have put it there: its specs are code. */
import { existsSync, readdirSync, readFileSync, type Stats, statSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";

type Distrust = "it belongs to another user" | "other users can write to it";

/** What the search for a project found. */
export interface ProjectSearch {
  /** The project that is used; `null`: none. */
  readonly root: string | null;
  /** A project in a parent folder that is not used, and why. */
  readonly skipped: {
    readonly path: string;
    readonly why: Distrust | "it lies on another file system";
  } | null;
}

/**
 * The nearest directory, from `cwd` up to the home directory, with a `nightshift.yaml` or a `jobs` folder. One in a parent
 * folder is not used where it, a folder of `jobs` or a spec belongs to another user or can be written by others, or where
 * it lies beyond the border of a file system; a `jobs` folder that is a mount of its own, or holds one, belongs to the
 * project around it.
 */
export function searchProject(cwd: string): ProjectSearch {
  const start = resolve(cwd);
  let isBeyondBorder = false;
  for (let directory = start; ; directory = dirname(directory)) {
    if (existsSync(join(directory, "nightshift.yaml")) || existsSync(join(directory, "jobs"))) {
      if (isBeyondBorder)
        return { root: null, skipped: { path: directory, why: "it lies on another file system" } };
      const why = directory === start ? null : distrustOf(partsOf(directory), start);
      return why === null
        ? { root: directory, skipped: null }
        : { root: null, skipped: { path: directory, why } };
    }
    const parent = dirname(directory);
    if (directory === parent || directory === homedir()) return { root: null, skipped: null };
    const isOfJobs = basename(directory) === "jobs" || basename(parent) === "jobs";
    isBeyondBorder ||= !isOfJobs && statOf(directory)?.dev !== statOf(parent)?.dev;
  }
}

/** The project whose `jobs` folder a directory is, or lies in; `null` if there is none. */
export function projectOfJobs(directory: string): string | null {
  for (let each = resolve(directory); ; each = dirname(each)) {
    if (basename(each) === "jobs") return dirname(each);
    if (each === dirname(each)) return null;
  }
}

/** What makes a project of a directory. */
function partsOf(directory: string): readonly string[] {
  const jobs = join(directory, "jobs");
  const below = existsSync(jobs) ? readdirSync(jobs, { recursive: true, withFileTypes: true }) : [];
  const parts = below.filter((entry) => entry.isDirectory() || /\.ya?ml$/.test(entry.name));
  return [
    directory,
    join(directory, "nightshift.yaml"),
    jobs,
    ...parts.map((entry) => join(entry.parentPath, entry.name)),
  ];
}

/**
 * Trusted are this user, root, and the owner of the folder that the search began in. What a group can write is judged as
 * ssh judges keys: the group may have no other member.
 */
function distrustOf(paths: readonly string[], start: string): Distrust | null {
  const trusted = new Set([0, process.getuid?.() ?? 0, statOf(start)?.uid ?? 0]);
  for (const path of paths) {
    const stat = statOf(path);
    if (stat === null) continue;
    if (!trusted.has(stat.uid)) return "it belongs to another user";
    // In a folder with the sticky bit others make files of their own only, which their owner gives away.
    const isSticky = stat.isDirectory() && (stat.mode & 0o1000) !== 0;
    const isWritable =
      (stat.mode & 0o002) !== 0 || ((stat.mode & 0o020) !== 0 && !isGroupOf(stat.gid, trusted));
    if (isWritable && !isSticky) return "other users can write to it";
  }
  return null;
}

/** Whether all members of a group are among these users. A group that this machine's files do not list is not known. */
function isGroupOf(gid: number, users: ReadonlySet<number>): boolean {
  const group = entriesOf("/etc/group").find((fields) => Number(fields[2]) === gid);
  if (group === undefined || process.platform !== "linux") return false;
  const members = new Set((group[3] ?? "").split(",").filter((name) => name !== ""));
  return entriesOf("/etc/passwd")
    .filter(([name = "", , , primary]) => members.has(name) || Number(primary) === gid)
    .every(([, , uid]) => users.has(Number(uid)));
}

function entriesOf(file: string): readonly (readonly string[])[] {
  try {
    return readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => line.split(":"));
  } catch {
    return [];
  }
}

/** `null` where the path cannot be looked at. */
function statOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}
