// Compiles src/ to dist/, makes the command-line entry executable, and bundles the worker host and the command line: a
// host and its threads load some three hundred small modules otherwise (Apache Arrow's most of all), a command two
// hundred, at every start.
// --no-check: without looking at the types, in half the time. --bundle-only: bundles what dist/ holds.
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const tsc = `${root}node_modules/typescript/bin/tsc`;
if (!existsSync(tsc)) {
  console.error(
    "Nightshift is compiled with its development packages: run npm ci, then npm prune --omit=dev.",
  );
  process.exit(1);
}
if (!process.argv.includes("--bundle-only")) compile();
const { build } = await import("esbuild");
const options = {
  absWorkingDir: root,
  outdir: "dist/bundle",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  logLevel: "warning",
};
await build({
  ...options,
  entryPoints: ["dist/host/worker-host.js", "dist/host/thread.js"],
  outbase: "dist/host",
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
});
await build({
  ...options,
  entryPoints: ["dist/cli.js"],
  chunkNames: "cli-[name]-[hash]",
  // Of the packages only those that most commands load, from many files: the others stay what npm installed.
  external: packagesBut("zod", "yaml", "commander", "fastest-levenshtein", "get-east-asian-width"),
  // The bundled packages are CommonJS, and ask for modules of Node.js.
  banner: {
    js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);',
  },
});

chmodSync(`${root}dist/bundle/cli.js`, 0o755);

function packagesBut(...bundled) {
  const { dependencies, peerDependencies = {} } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));
  return Object.keys({ ...dependencies, ...peerDependencies }).filter((name) => !bundled.includes(name));
}

function compile() {
  rmSync(`${root}dist`, { recursive: true, force: true });
  const flags = process.argv.includes("--no-check") ? ["--noCheck"] : [];
  const compiled = spawnSync(process.execPath, [tsc, "-p", "tsconfig.json", ...flags], {
    cwd: root,
    stdio: "inherit",
  });
  if (compiled.status !== 0) process.exit(1);
}
