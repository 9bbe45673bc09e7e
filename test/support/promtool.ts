/** Prometheus' own checker: an installed one, or that of Debian's package, unpacked and not installed. */
import { spawnSync } from "node:child_process";
import { accessSync, chmodSync, constants, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { debianPackages } from "../../scripts/debian-packages.mjs";

export interface Checked {
  readonly status: number | null;
  /** What it said, on either stream. */
  readonly said: string;
}

/** @throws Error with what to do where there is none */
export function promtool(cwd: string, args: readonly string[], input = ""): Checked {
  const { status, stdout, stderr } = spawnSync(binary(), args, { cwd, input, encoding: "utf8" });
  return { status, said: `${stdout}${stderr}` };
}

function binary(): string {
  const inPath = (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, "promtool"));
  const found = inPath.find(isExecutable) ?? unpacked();
  if (found !== null) return found;
  throw new Error(
    "these tests need promtool: install prometheus; on Debian and Ubuntu it is fetched where apt-get can",
  );
}

/** Made once for all who test on this machine. */
function unpacked(): string | null {
  if (process.platform !== "linux") return null;
  const to = join(tmpdir(), `nightshift-promtool-${process.arch}-${process.getuid?.() ?? 0}`);
  if (!existsSync(to)) {
    const scratch = `${to}.${process.pid}`;
    const root = join(scratch, "root");
    mkdirSync(root, { recursive: true, mode: 0o755 });
    try {
      if (!debianPackages(scratch)("prometheus", root)) return null;
      chmodSync(root, 0o755);
      renameSync(root, to);
    } catch {
      // Another process was first.
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }
  const command = join(to, "usr/bin/promtool");
  return isExecutable(command) ? command : null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
