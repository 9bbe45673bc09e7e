/** A user who is bound by permissions: root ignores them. */
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../../", import.meta.url));
const nobodyUid = 65_534;

export interface AnotherUser {
  /** For `startNightshift`. */
  readonly startAs: { readonly uid?: number; readonly cliPath?: string };
  /** Makes a directory and all in it that user's. */
  own(path: string): void;
  /** Removes what was made for that user. */
  remove(): void;
}

/** Ourselves, unless we are root: then another user, with a copy of the program where ours is out of reach. */
export function anotherUser(): AnotherUser {
  const nothing = (): void => undefined;
  if (process.getuid?.() !== 0) return { startAs: {}, own: nothing, remove: nothing };
  const ours = join(repository, "dist/bundle/cli.js");
  const copy = canRun(ours) ? null : copyOfProgram();
  const remove = copy === null ? nothing : () => rmSync(copy, { recursive: true, force: true });
  const cliPath = copy === null ? ours : join(copy, "dist/bundle/cli.js");
  if (!canRun(cliPath))
    throw new Error(`user ${nobodyUid} cannot run ${cliPath} here: permissions cannot be tested`);
  return { startAs: { uid: nobodyUid, cliPath }, own, remove };
}

function canRun(cliPath: string): boolean {
  const asNobody = { uid: nobodyUid, gid: nobodyUid, cwd: "/" };
  return spawnSync(process.execPath, [cliPath, "--version"], asNobody).status === 0;
}

function copyOfProgram(): string {
  const copy = mkdtempSync(join(tmpdir(), "nightshift-program-"));
  chmodSync(copy, 0o755);
  for (const part of ["package.json", "dist", "generated", "node_modules"])
    cpSync(join(repository, part), join(copy, part), { recursive: true, dereference: true });
  return copy;
}

function own(path: string): void {
  chownSync(path, nobodyUid, nobodyUid);
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true }))
    chownSync(join(entry.parentPath, entry.name), nobodyUid, nobodyUid);
}
