import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { type DailyProject, dailyProject } from "./daily-project.js";
import { nightshiftWith } from "./nightshift.js";
import { migrateAt } from "./postgres-ledgers.js";
import { createDatabase, type TestDatabase } from "./postgres-server.js";
import { endServed, followedHereSince, followedSince } from "./served.js";

export interface ServedProject {
  readonly project: DailyProject;
  /** `null`: the ledger is the project's own journal. */
  readonly database: TestDatabase | null;
  /** For processes that are to use this ledger. */
  env(): { readonly [name: string]: string };
  /** As if a scheduler had been there before: ticks since then are caught up with. */
  followed(since: Date, job: string, schedule: string): Promise<void>;
  /** What the command line says with `--json`. */
  json(...argv: readonly string[]): ReturnType<typeof JSON.parse>;
}

/**
 * For the tests around it: each has a project of its own, its first day 2025-01-01, and an empty ledger; no service lives
 * on after it.
 *
 * @param more lines of the spec
 */
export function servedProject(
  ledger: "journal" | "postgres",
  days: number,
  more: readonly string[],
): ServedProject {
  let database: TestDatabase | null = null;
  let project: DailyProject;
  if (ledger === "postgres") {
    beforeAll(async () => {
      database = await createDatabase();
      await migrateAt(database.url);
    });
    afterAll(() => database?.drop());
  }
  beforeEach(async () => {
    project = dailyProject("2025-01-01", days);
    project.writeSpec({ more });
    await database?.query(
      "truncate nightshift.ledger_runs, nightshift.ledger_forgotten, nightshift.ledger_ticks, nightshift.ledger_schedules cascade",
    );
  });
  afterEach(async () => {
    await endServed();
    project.remove();
  });
  const env = (): { readonly [name: string]: string } =>
    database === null ? {} : { NIGHTSHIFT_LEDGER: database.url };
  return {
    get project() {
      return project;
    },
    get database() {
      return database;
    },
    env,
    followed: (since, job, schedule) =>
      database === null
        ? followedHereSince(since, job, schedule, project.cwd)
        : followedSince(since, job, schedule, database.url),
    json: (...argv) => JSON.parse(nightshiftWith(env(), project.cwd, ...argv, "--json").stdout),
  };
}
