// Compiles src/ to dist/, makes the command-line entry executable, and bundles the worker host: a host and its threads
// load some three hundred small modules otherwise (Apache Arrow's most of all), at every start.
import { execFileSync } from "node:child_process";
import { chmodSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
rmSync(`${root}dist`, { recursive: true, force: true });
execFileSync(process.execPath, [`${root}node_modules/typescript/bin/tsc`, "-p", "tsconfig.json"], {
  cwd: root,
  stdio: "inherit",
});
chmodSync(`${root}dist/cli.js`, 0o755);
await build({
  absWorkingDir: root,
  entryPoints: ["dist/worker-host.js", "dist/thread.js"],
  outdir: "dist/host",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  // Packages stay what npm installed, but for Arrow, which is pure JavaScript in many files.
  external: ["onnxruntime-node", "parquet-wasm", "piscina", "@bufbuild/protobuf", "picomatch", "esbuild"],
  logLevel: "warning",
});
