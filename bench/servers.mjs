// The servers of the tests, as the tests start them; PostgreSQL with the durability that people have: fsync on.
import { copyFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const support = fileURLToPath(new URL("../test/support", import.meta.url));

/** @param cache folder of the project, so that packages are found from it */
export async function startServer(cache) {
  copyFileSync(`${support}/postgres-watch.mjs`, `${cache}/postgres-watch.mjs`);
  const { startServer: start } = await bundled(cache, "postgres-server");
  return start({ settings: { fsync: "on", shared_buffers: "512MB", max_wal_size: "4GB" } });
}

export async function startRedis(cache) {
  const { startRedis: start } = await bundled(cache, "redis-server");
  return start();
}

/** Node 20 imports no TypeScript. */
async function bundled(cache, name) {
  const outfile = `${cache}/${name}.mjs`;
  await build({
    entryPoints: [`${support}/${name}.ts`],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    packages: "external",
    logLevel: "error",
  });
  return import(outfile);
}
