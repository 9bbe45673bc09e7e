// The server of the tests, with the durability that people have: fsync on.
import { copyFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const support = fileURLToPath(new URL("../test/support", import.meta.url));

/** @param cache folder of the project, so that `pg` is found from it */
export async function startServer(cache) {
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
  return start({ settings: { fsync: "on", shared_buffers: "512MB", max_wal_size: "4GB" } });
}
