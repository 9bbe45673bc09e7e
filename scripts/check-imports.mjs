// Holds src/ against the rules of .dependency-cruiser.cjs. A run that looked at few modules is no proof: without its
// parser for TypeScript, dependency-cruiser finds none and passes.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const { status, stdout, stderr } = spawnSync(
  process.execPath,
  ["node_modules/dependency-cruiser/bin/dependency-cruise.mjs", "src", "--config", ".dependency-cruiser.cjs"],
  { cwd: root, encoding: "utf8" },
);
const sources = readdirSync(`${root}src`, { recursive: true }).filter((name) => name.endsWith(".ts")).length;
const modules = Number(/\((\d+) modules, \d+ dependencies cruised\)/.exec(stdout)?.[1] ?? 0);
console.log(`${stdout}${stderr}`.trim());
if (status === 0 && modules < sources) {
  console.log(`Only ${modules} of ${sources} modules were looked at.`);
  process.exit(1);
}
process.exitCode = status ?? 1;
