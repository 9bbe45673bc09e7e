/** What a test needs of the machine that it runs on. Where that is missing, the test is listed as not run. */
import { spawnSync } from "node:child_process";
import type { TestContext } from "vitest";

/** `null`: it is there; else what is missing. */
type Missing = string | null;

export function needs({ skip }: TestContext, missing: Missing): void {
  if (missing !== null) skip(missing);
}

export function linux(): Missing {
  return process.platform === "linux" ? null : "needs Linux";
}

/** Mounting without being root: a user namespace of its own. Containers often forbid them. */
export function mounts(): Missing {
  const { status, error } = spawnSync("unshare", ["-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]);
  if (status === 0) return null;
  return `needs mounts in a user namespace (unshare -rm), refused here${error === undefined ? "" : `: ${error.message}`}`;
}

/** root may read and write everything, so it becomes another user for a moment. */
export async function asNobody<T>(step: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return step();
  process.seteuid?.(65534);
  try {
    return await step();
  } finally {
    process.seteuid?.(0);
  }
}
