/** The server of a whole test run: where it would be, and its end. Nothing is started before a test asks. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export default function setUp(): () => void {
  const directory = join(tmpdir(), `nightshift-pg-run-${process.pid}`);
  process.env.NIGHTSHIFT_TEST_POSTGRES_DIRECTORY = directory;
  return () => {
    const pidFile = join(directory, "data/postmaster.pid");
    if (existsSync(pidFile)) {
      const [pid] = readFileSync(pidFile, "utf8").split("\n");
      try {
        process.kill(Number(pid), "SIGQUIT");
      } catch {
        // It is gone already.
      }
    }
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  };
}
