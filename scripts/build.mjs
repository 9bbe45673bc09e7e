// Compiles src/ to dist/ and makes the command-line entry executable.
import { execFileSync } from "node:child_process";
import { chmodSync, rmSync } from "node:fs";

const root = new URL("..", import.meta.url);
rmSync(new URL("dist", root), { recursive: true, force: true });
execFileSync(
  process.execPath,
  [new URL("node_modules/typescript/bin/tsc", root).pathname, "-p", "tsconfig.json"],
  {
    cwd: root,
    stdio: "inherit",
  },
);
chmodSync(new URL("dist/cli.js", root), 0o755);
