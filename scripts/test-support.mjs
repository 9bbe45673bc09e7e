// What the tests are written with, for scripts and benchmarks: Node 20 imports no TypeScript.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

export const support = fileURLToPath(new URL("../test/support", import.meta.url));

/**
 * A module of test/support.
 * @param cache folder of the project, so that packages are found from it
 */
export async function bundled(cache, name) {
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
