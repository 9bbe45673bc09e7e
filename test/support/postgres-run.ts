/** The servers of a whole test run: where they would be, and their end. None is started before a test asks. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** What a server's directory ends in: the usual one's, and that of one which offers pgvector. */
const runServers = ["", "-vectors"] as const;
export type RunServer = (typeof runServers)[number];

export default function setUp(): () => Promise<void> {
  const directory = join(tmpdir(), `nightshift-pg-run-${process.pid}`);
  process.env.NIGHTSHIFT_TEST_POSTGRES_DIRECTORY = directory;
  return async () => {
    for (const suffix of runServers) {
      const pidFile = join(directory + suffix, "data/postmaster.pid");
      if (existsSync(pidFile)) await crash(pidFile);
      rmSync(directory + suffix, { recursive: true, force: true, maxRetries: 5 });
    }
  };
}

/** Ends the server as a crash would, and waits for its last word: a folder cannot be removed while a process writes to it. */
async function crash(pidFile: string): Promise<void> {
  try {
    process.kill(Number(readFileSync(pidFile, "utf8").split("\n")[0]), "SIGQUIT");
  } catch {
    // It is gone already.
    return;
  }
  for (let waitedMs = 0; existsSync(pidFile) && waitedMs < 10_000; waitedMs += 20) await sleep(20);
}
