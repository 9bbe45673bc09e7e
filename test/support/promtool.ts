/** Prometheus' own checker: an installed one, or that of Debian's package. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { installedProgram, isExecutable, unpackedPackages } from "./unpacked-packages.js";

export interface Checked {
  readonly status: number | null;
  /** What it said, on either stream. */
  readonly said: string;
}

/** @throws Error that says what to do if there is no promtool */
export function promtool(cwd: string, args: readonly string[], input = ""): Checked {
  const { status, stdout, stderr } = spawnSync(binary(), args, { cwd, input, encoding: "utf8" });
  return { status, said: `${stdout}${stderr}` };
}

function binary(): string {
  const found = installedProgram("promtool") ?? unpacked();
  if (found !== null) return found;
  throw new Error(
    "these tests need promtool: install prometheus; on Debian and Ubuntu it is fetched where apt-get can",
  );
}

function unpacked(): string | null {
  const root = unpackedPackages("promtool", ["prometheus"]);
  const command = root === null ? null : join(root, "usr/bin/promtool");
  return command !== null && isExecutable(command) ? command : null;
}
