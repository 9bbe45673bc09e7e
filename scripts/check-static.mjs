// npm run check:static: everything that can be checked without running a test. Every check runs, also after one failed.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const bin = (path) => [process.execPath, `${root}node_modules/${path}`];
const script = (name) => [process.execPath, `${root}scripts/${name}`];

const checks = [
  ["compiles", script("build.mjs")],
  ["types of tests and scripts", [...bin("typescript/bin/tsc"), "--noEmit", "-p", "tsconfig.test.json"]],
  ["format and lint", [...bin("@biomejs/biome/bin/biome"), "ci", "--colors=off", "."]],
  ["import rules", script("check-imports.mjs")],
  ["no kind of adapter is asked for", script("check-kinds.mjs")],
  ["unused code and packages", bin("knip/bin/knip.js")],
  ["lockfile", script("check-lockfile.mjs")],
  ["third-party notices", [...script("third-party-notices.mjs"), "--check"]],
  ["kernel for trees", [...script("generate-tree-kernel.mjs"), "--check"]],
  ["planted faults fit the source", [...script("test-faults.mjs"), "--check"]],
  ["plain words", script("check-words.mjs")],
  ["reference in docs/", [...script("generate-reference.mjs"), "--check"]],
  ["schema of job specs", [...script("generate-schema.mjs"), "--check"]],
];

let failed = 0;
for (const [name, [command, ...args]] of checks) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: "utf8" });
  console.log(`${status === 0 ? "ok  " : "FAIL"}  ${name}`);
  if (status === 0) continue;
  failed += 1;
  console.log(`${stdout}${stderr}`.trim().replaceAll(/^/gm, "      "));
}
console.log(`\n${checks.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
