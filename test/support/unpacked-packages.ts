/** Programs of Debian packages for tests: unpacked into a place of their own, and not installed. */
import { accessSync, chmodSync, constants, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { debianPackages } from "../../scripts/debian-packages.mjs";

/** The first of these programs that is in the path; `null` without one. */
export function installedProgram(...names: readonly string[]): string | null {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const found = names.map((name) => join(folder, name)).find(isExecutable);
    if (found !== undefined) return found;
  }
  return null;
}

/**
 * Made once for all who test on this machine, and readable for every user.
 * @returns the folder that stands for `/`; `null` where packages cannot be had
 */
export function unpackedPackages(title: string, names: readonly string[]): string | null {
  if (process.platform !== "linux") return null;
  const to = join(tmpdir(), `nightshift-${title}-${process.arch}-${process.getuid?.() ?? 0}`);
  if (existsSync(to)) return to;
  const scratch = `${to}.${process.pid}`;
  const root = join(scratch, "root");
  mkdirSync(root, { recursive: true, mode: 0o755 });
  const unpack = debianPackages(scratch);
  try {
    if (!names.every((name) => unpack(name, root))) return null;
    chmodSync(root, 0o755);
    renameSync(root, to);
  } catch {
    // Another process was first.
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return to;
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
