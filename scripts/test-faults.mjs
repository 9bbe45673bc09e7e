// npm run test:faults [-- TEXT] [-- --tested]: plants the faults of faults.mjs, or those with TEXT in their name, one at a
// time into a copy of this repository, and proves that the tests named there notice each. Exit code 1 if one goes
// unnoticed. Before that it runs these tests without a fault; --tested: they have passed for this source already.
// --check: tests nothing, and fails if the text of a fault does not occur exactly once in its file, or what comes of it does
// not compile.
import { execFileSync, spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { transformSync } from "esbuild";
import { groups } from "./faults.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const wasTested = process.argv.includes("--tested");
const checksOnly = process.argv.includes("--check");
const wanted = process.argv.slice(2).find((argument) => !argument.startsWith("--")) ?? "";
const limitMs = 180_000;
const scratch = mkdtempSync(join(tmpdir(), "nightshift-faults-"));
const underWay = new Set();

process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    for (const pid of underWay) process.kill(-pid, "SIGKILL");
    process.exit(1);
  });
}

const faults = Object.entries(groups).flatMap(([group, list]) => list.map((fault) => ({ group, ...fault })));
const chosen = faults.filter(({ name }) => name.includes(wanted));
if (chosen.length === 0) stop(`No fault has "${wanted}" in its name.`);
for (const fault of chosen) compiled(fault, planted(fault));
if (checksOnly) process.exit(0);

const copies = Array.from({ length: Math.min(2, availableParallelism()) }, (_, index) =>
  copyTo(`copy-${index}`),
);
if (!wasTested) await assertGreen(copies[0]);
const unnoticed = await plantEach(chosen);
console.log(`\n${chosen.length} faults planted; noticed or not:`);
console.log(`${chosen.length - unnoticed} passed, ${unnoticed} failed`);
process.exitCode = unnoticed === 0 ? 0 : 1;

/** Every test that shall notice something passes while there is nothing to notice. */
async function assertGreen(copy) {
  const tests = [...new Set(chosen.flatMap((fault) => fault.tests))];
  const { failed, passed, output } = await runTests(copy, tests, []);
  if (passed === 0 || failed.length > 0)
    stop(`Without a fault, tests fail already:\n${failed.join("\n") || output}`);
  console.log(`${passed} tests in ${tests.length} files pass without a fault.\n`);
}

/** Each copy takes the next fault that is left; rows are printed in order. @returns how many no test noticed */
async function plantEach(list) {
  const results = [];
  const width = Math.max(...list.map(({ name }) => name.length));
  let next = 0;
  let printed = 0;

  async function work(copy) {
    while (next < list.length) {
      const index = next++;
      results[index] = await notice(copy, list[index]);
      for (; results[printed] !== undefined; printed++)
        print(list[printed], list[printed - 1], results[printed]);
    }
  }

  function print({ name, group }, before, { passed, failed, output }) {
    if (group !== before?.group) console.log(`${before === undefined ? "" : "\n"}${group}`);
    const [first = passed === 0 ? "DOES NOT RUN" : "NOT NOTICED", ...others] = failed;
    const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
    console.log(`  ${name.padEnd(width)}  ${first}${more}`);
    if (failed.length === 0) console.log(output.trim().replaceAll(/^/gm, "      "));
  }

  await Promise.all(copies.map(work));
  return results.filter(({ failed }) => failed.length === 0).length;
}

async function notice(copy, fault) {
  const path = join(copy, fault.file);
  const original = readFileSync(path, "utf8");
  const text = planted(fault);
  writeFileSync(path, text);
  const restore = compileInto(copy, fault, text);
  try {
    // The first test that fails has noticed it.
    return await runTests(copy, fault.tests, ["--bail=1"]);
  } finally {
    writeFileSync(path, original);
    restore();
  }
}

/** Compiles one file and bundles the host anew, which takes a tenth of a whole build. @returns puts the file back */
function compileInto(copy, fault, text) {
  const path = join(copy, fault.file.replace(/^src/, "dist").replace(/\.ts$/, ".js"));
  const before = readFileSync(path);
  writeFileSync(path, compiled(fault, text));
  execFileSync(process.execPath, ["scripts/build.mjs", "--bundle-only"], { cwd: copy });
  return () => writeFileSync(path, before);
}

/** A fault that does not compile would be noticed by everything. */
function compiled({ name }, text) {
  try {
    return transformSync(text, { loader: "ts", target: "es2023", logLevel: "silent" }).code;
  } catch (error) {
    return stop(`"${name}" does not compile: ${error.message}`);
  }
}

/** The source with the fault in it. A fault that does not fit the source any more is an error, not a pass. */
function planted({ name, file, from, to }) {
  let text = readFileSync(join(root, file), "utf8");
  const [olds, news] = [[from].flat(), [to].flat()];
  for (const [index, old] of olds.entries()) {
    const found = text.split(old).length - 1;
    if (found !== 1) stop(`"${name}": its text is ${found} times in ${file}, not once:\n${old}`);
    text = text.replace(old, () => news[index]);
  }
  return text;
}

function copyTo(name) {
  const copy = join(scratch, name);
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  for (const file of listed.split("\0").filter((path) => path !== "" && existsSync(join(root, path)))) {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    cpSync(join(root, file), join(copy, file), { dereference: false });
  }
  symlinkSync(realpathSync(join(root, "node_modules")), join(copy, "node_modules"));
  execFileSync(process.execPath, ["scripts/build.mjs", "--no-check"], { cwd: copy, stdio: "inherit" });
  return copy;
}

function runTests(copy, tests, flags) {
  const reportFile = join(copy, "report.json");
  rmSync(reportFile, { force: true });
  const args = [
    "node_modules/vitest/vitest.mjs",
    "run",
    ...tests,
    ...flags,
    "--reporter=json",
    "--outputFile=report.json",
  ];
  const child = spawn(process.execPath, args, {
    cwd: copy,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NIGHTSHIFT_TEST_DIST: "built" },
    detached: true,
  });
  underWay.add(child.pid);
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
  return new Promise((resolve) => {
    const timer = setTimeout(() => process.kill(-child.pid, "SIGKILL"), limitMs);
    child.on("close", (_, signal) => {
      clearTimeout(timer);
      underWay.delete(child.pid);
      const report = existsSync(reportFile) ? JSON.parse(readFileSync(reportFile, "utf8")) : null;
      if (signal !== null) output += `\nstill running after ${limitMs / 1000} s`;
      resolve({ output, passed: report?.numPassedTests ?? 0, failed: failedTests(report, copy) });
    });
  });
}

function failedTests(report, copy) {
  return (report?.testResults ?? []).flatMap(({ name, assertionResults }) =>
    assertionResults
      .filter(({ status }) => status === "failed")
      .map(({ ancestorTitles, title }) =>
        [name.slice(join(copy, "test/").length), ...ancestorTitles, title].join(" > "),
      ),
  );
}

function stop(message) {
  console.error(message);
  process.exit(1);
}
