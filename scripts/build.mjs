// Compiles src/ to dist/, makes the command-line entry executable, and bundles the worker host: a host and its threads
// load some three hundred small modules otherwise (Apache Arrow's most of all), at every start.
// --no-check: without looking at the types, in half the time. --host-only: bundles the host from what dist/ holds.
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const tsc = `${root}node_modules/typescript/bin/tsc`;
if (!existsSync(tsc)) {
  console.error(
    "Nightshift is compiled with its development packages: run npm ci, then npm prune --omit=dev.",
  );
  process.exit(1);
}
if (!process.argv.includes("--host-only")) compile();
const { build } = await import("esbuild");
await build({
  absWorkingDir: root,
  entryPoints: ["dist/host/worker-host.js", "dist/host/thread.js"],
  outdir: "dist/bundle",
  outbase: "dist/host",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  // Packages stay what npm installed, but for Arrow and protobuf, pure JavaScript in many files.
  external: [
    "onnxruntime-node",
    "parquet-wasm",
    "piscina",
    "picomatch",
    "esbuild",
    "pg",
    "pg-copy-streams",
    "fastest-levenshtein",
  ],
  logLevel: "warning",
});

function compile() {
  rmSync(`${root}dist`, { recursive: true, force: true });
  const flags = process.argv.includes("--no-check") ? ["--noCheck"] : [];
  const compiled = spawnSync(process.execPath, [tsc, "-p", "tsconfig.json", ...flags], {
    cwd: root,
    stdio: "inherit",
  });
  if (compiled.status !== 0) process.exit(1);
  chmodSync(`${root}dist/cli.js`, 0o755);
}
