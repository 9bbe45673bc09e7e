/** A user whom permissions bind: root ignores them. */
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, cpSync, mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../../", import.meta.url));
const nobody = 65_534;

export interface AnotherUser {
  /** For `startNightshift`. */
  readonly startAs: { readonly uid?: number; readonly cliPath?: string };
  /** Makes a directory and all in it that user's. */
  own(path: string): void;
}

/** Ourselves, unless we are root: then `nobody`, with a copy of the program where ours is out of reach. */
export function anotherUser(): AnotherUser {
  if (process.getuid?.() !== 0) return { startAs: {}, own: () => undefined };
  const ours = join(repository, "dist/cli.js");
  const cliPath = canRun(ours) ? ours : join(copyOfProgram(), "dist/cli.js");
  if (!canRun(cliPath))
    throw new Error(`user ${nobody} cannot run ${cliPath} here: permissions cannot be tested`);
  return { startAs: { uid: nobody, cliPath }, own };
}

function canRun(cliPath: string): boolean {
  const asNobody = { uid: nobody, gid: nobody, cwd: "/" };
  return spawnSync(process.execPath, [cliPath, "--version"], asNobody).status === 0;
}

function copyOfProgram(): string {
  const copy = mkdtempSync(join(tmpdir(), "nightshift-program-"));
  chmodSync(copy, 0o755);
  for (const part of ["package.json", "dist", "node_modules"])
    cpSync(join(repository, part), join(copy, part), { recursive: true, dereference: true });
  return copy;
}

function own(path: string): void {
  chownSync(path, nobody, nobody);
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true }))
    chownSync(join(entry.parentPath ?? dirname(path), entry.name), nobody, nobody);
}
