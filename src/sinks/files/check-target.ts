/** Refuses outputs that could never be published, before anything runs. */
import { join } from "node:path";
import { SpecError } from "../../errors.js";
import type { WriteMode } from "../../job/output.js";
import type { FileSystem } from "../../stores/file-system.js";
import type { LogEntry } from "../publication-log/publication-log.js";
import { isRefusal } from "./durable-directories.js";
import { type Layout, manifestName, successName } from "./layout.js";
import { foreignOutput, type Visible } from "./visible-output.js";

/** @throws SpecError `refused.target-exists`, `refused.foreign-output` */
export function refuseWhatIsThere(
  layout: Layout,
  shape: "directory" | "file",
  mode: WriteMode,
  now: Visible,
): void {
  if (now.kind === "absent" || (now.kind === "empty" && (shape === "directory" || mode !== "error"))) return;
  const foreign = now.kind === "foreign";
  // An existing file that the user names and asks to overwrite is replaced: nothing else can be lost.
  const replaceable = !foreign || (shape === "file" && now.is === "file");
  if (mode === "error") {
    throw new SpecError("refused.target-exists", `${layout.to} exists already`, {
      hint: replaceable
        ? "Pass --overwrite to `score`, set `mode: replace` or `mode: append` in the job, or choose another output."
        : "Choose another output, or move it away: Nightshift did not create it.",
      details: { path: layout.to },
    });
  }
  if (foreign && !replaceable) throw foreignOutput(layout, now.is);
}

/** @throws SpecError `refused.mount-point`, `refused.other-device` */
export async function refuseOtherDevices(fileSystem: FileSystem, layout: Layout): Promise<void> {
  const target = await fileSystem.stat(layout.to);
  const parent = await fileSystem.stat((await fileSystem.realpath(layout.parent)) ?? layout.parent);
  const area = await fileSystem.stat(layout.area);
  if (
    target?.kind === "directory" &&
    (await isMountPoint(fileSystem, layout, parent?.device !== target.device))
  ) {
    throw new SpecError(
      "refused.mount-point",
      `${layout.to} is a mount point and cannot be swapped as a whole`,
      {
        hint: `Choose an output below it, for instance ${join(layout.to, "predictions")}.`,
        details: { path: layout.to },
      },
    );
  }
  if (area !== null && parent !== null && area.device !== parent.device) {
    throw new SpecError("refused.other-device", `${layout.area} is on another device than ${layout.parent}`, {
      hint: "Keep both on one file system: files are linked from one to the other.",
      details: { path: layout.area },
    });
  }
}

/**
 * Detects a mount point. A bind mount has its parent's device number, so the kernel's mount table is read.
 */
async function isMountPoint(fileSystem: FileSystem, layout: Layout, otherDevice: boolean): Promise<boolean> {
  if (otherDevice) return true;
  const table = await fileSystem.readFile("/proc/self/mountinfo");
  const path = await fileSystem.realpath(layout.to);
  if (table === null || path === null) return false;
  const mountPoints = new TextDecoder()
    .decode(table)
    .split("\n")
    .map((line) => unescapeOctal(line.split(" ")[4] ?? ""));
  return mountPoints.includes(path);
}

function unescapeOctal(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/** @throws SpecError `refused.no-hard-links` */
export async function refuseWithoutHardLinks(
  fileSystem: FileSystem,
  layout: Layout,
  newId: () => string,
): Promise<void> {
  const probe = join(layout.scratch, `probe-${newId()}`);
  await fileSystem.writeFile(probe, "");
  try {
    await fileSystem.link(probe, `${probe}.link`);
  } catch (cause) {
    if (!isRefusal(cause, "infra.permission") && !isRefusal(cause, "infra.unsupported")) throw cause;
    throw new SpecError("refused.no-hard-links", `the file system of ${layout.parent} has no hard links`, {
      hint: "Choose an output on a file system such as ext4, xfs, btrfs or APFS.",
      details: { path: layout.parent },
      cause,
    });
  } finally {
    await fileSystem.unlink(`${probe}.link`);
    await fileSystem.unlink(probe);
  }
}

/**
 * Refuses files that others put into a plain directory of Nightshift: the next publication would remove them.
 */
export async function refuseAddedFiles(
  fileSystem: FileSystem,
  layout: Layout,
  commit: LogEntry,
): Promise<void> {
  const ours = new Set([manifestName, successName, ...commit.files.map((file) => file.path)]);
  const added = await firstAddedName(fileSystem, layout.to, "", ours);
  if (added === null) return;
  throw new SpecError(
    "refused.foreign-output",
    `${layout.to} contains ${added}, which Nightshift did not create and which would be lost`,
    { hint: "Move that file away.", details: { path: join(layout.to, added) } },
  );
}

async function firstAddedName(
  fileSystem: FileSystem,
  directory: string,
  prefix: string,
  ours: ReadonlySet<string>,
): Promise<string | null> {
  for (const name of (await fileSystem.list(directory)) ?? []) {
    // Desktops and network file systems create dot files everywhere.
    if (name.startsWith(".") || ours.has(prefix + name)) continue;
    const path = join(directory, name);
    if ((await fileSystem.stat(path))?.kind !== "directory") return prefix + name;
    const added = await firstAddedName(fileSystem, path, `${prefix}${name}/`, ours);
    if (added !== null) return added;
  }
  return null;
}
