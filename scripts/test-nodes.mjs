// npm run test:nodes [-- LINE..]: the unit and conformance tests and the whole path on every supported line of Node.js
// (20, 22, 24), or on the lines named. Faults, databases and queues are tested on one line, by npm test.
// A line that this process runs on is used as it is; the others come from the npm registry into .cache/nodes.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { delimiter, dirname } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const cache = `${root}.cache/nodes`;
const lines = process.argv.length > 2 ? process.argv.slice(2) : ["20", "22", "24"];
const tests = [
  "test/unit",
  "test/conformance",
  ...[
    "flow/cli-score",
    "flow/cli-usage",
    "flow/library.test",
    "flow/docs-mapping",
    "scenarios/determinism",
  ].map((name) => `test/${name}`),
];
const failed = [];

for (const line of lines) {
  const node = nodeOf(line);
  const version = execFileSync(node, ["--version"], { encoding: "utf8" }).trim();
  console.log(`\n== Node.js ${version}`);
  const run = spawnSync(node, ["node_modules/vitest/vitest.mjs", "run", ...tests], {
    cwd: root,
    stdio: "inherit",
    // Tests that start `node` or `npm` by name get this one, too.
    env: { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` },
  });
  if (run.status !== 0) failed.push(`${version} (${run.signal ?? `exit ${run.status}`})`);
}
if (failed.length > 0) console.error(`Tests failed on Node.js ${failed.join(", ")}.`);
console.log(`\nNode.js versions:\n${lines.length - failed.length} passed, ${failed.length} failed`);
process.exitCode = failed.length === 0 ? 0 : 1;

function nodeOf(line) {
  if (process.versions.node.split(".")[0] === line) return process.execPath;
  const folder = `${cache}/${line}`;
  const node = `${folder}/package/bin/node`;
  if (existsSync(node)) return node;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const name = `node-${process.platform}-${process.arch}@${line}`;
  const versions = JSON.parse(execFileSync("npm", ["view", name, "version", "--json"], { encoding: "utf8" }));
  const newest = [versions].flat().sort(byVersion).at(-1);
  execFileSync("npm", ["pack", "--silent", name.replace(/@.*/, `@${newest}`)], { cwd: folder });
  const archive = readdirSync(folder).find((file) => file.endsWith(".tgz"));
  execFileSync("tar", ["-xzf", archive], { cwd: folder });
  return node;
}

function byVersion(a, b) {
  return a.localeCompare(b, "en", { numeric: true });
}
