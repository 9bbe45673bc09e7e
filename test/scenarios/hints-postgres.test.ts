// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
/** A role of a database may not do what a job needs, or not for long enough: the hint's remedy helps as it is written. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, onTestFinished, test } from "vitest";
import { type FlightProject, flightProject, keysBelow, keysIn } from "../support/flight-project.js";
import { errorIn } from "../support/hints.js";
import { migrateAt } from "../support/postgres-ledgers.js";
import { createDatabase } from "../support/postgres-server.js";

let project: FlightProject;

afterEach(() => project.remove());

const fromTable =
  "{ from: '${DATABASE_URL}', query: 'select flight_id, distance, hour, origin, destination from flights', key: [flight_id] }";
const toTable = "{ to: '${DATABASE_URL}', table: public.predicted, create: true, mode: replace }";
const toFiles = "{ to: ../out, mode: replace }";

interface Limit {
  readonly name: string;
  readonly input?: string;
  readonly write?: string;
  /** SQL with ROLE. */
  readonly limit: string;
  readonly code: string;
  /** What the hint says. */
  readonly says: RegExp;
  /** SQL that it says or stands for, with ROLE. */
  readonly remedy: string;
}

const limits: readonly Limit[] = [
  {
    name: "default_transaction_read_only",
    write: toTable,
    limit: "alter role ROLE set default_transaction_read_only = on",
    code: "infra.read-only",
    says: /turn off default_transaction_read_only for this role/,
    remedy: "alter role ROLE set default_transaction_read_only = off",
  },
  {
    name: "connection limit",
    input: fromTable,
    limit: "alter role ROLE connection limit 0",
    code: "infra.too-many-connections",
    says: /Raise max_connections or the role's limit/,
    remedy: "alter role ROLE connection limit 20",
  },
  {
    name: "missing privilege",
    input: fromTable,
    limit: "revoke select on flights from ROLE",
    code: "infra.permission",
    says: /Grant this role the privileges that docs\/postgres\.md lists/,
    remedy: "grant select on flights to ROLE",
  },
];

test.each(limits)(
  "$name of a role: the hint's remedy helps",
  async ({ input, write = toFiles, limit, code, says, remedy }) => {
    const database = await createDatabase();
    const role = `limited_${database.name}`;
    const asRole = (sql: string): Promise<unknown> => database.query(sql.replaceAll("ROLE", role));
    onTestFinished(async () => {
      await asRole("drop owned by ROLE; drop role ROLE");
      await database.drop();
    });
    await migrateAt(database.url);
    await asRole(
      `create role ROLE login; grant usage, create on schema nightshift to ROLE;
     grant select, insert, update, delete on all tables in schema nightshift to ROLE;
     grant usage on all sequences in schema nightshift to ROLE; grant create, usage on schema public to ROLE;
     create table flights as select k as flight_id, 100 + k * 1.5::float8 as distance, k % 24 as hour,
       'ATL' as origin, 'MSY' as destination from generate_series(0, 49) k;
     alter table flights add primary key (flight_id); grant select on flights to ROLE`,
    );
    await asRole(limit);
    project = flightProject({ files: 1, write });
    if (input !== undefined) {
      const spec = join(project.cwd, "jobs/flights.yaml");
      writeFileSync(
        spec,
        readFileSync(spec, "utf8").replace(/^input: .*$/m, () => `input: ${input}`),
      );
    }
    const url = new URL(database.url);
    url.username = role;
    const env = { DATABASE_URL: url.href };
    const failed = project.nightshiftWith(env, "run", "flights", "--json");
    const told = errorIn(failed);
    expect(told.code).toBe(code);
    expect(told.hint).toMatch(says);
    await asRole(remedy);
    expect(project.nightshiftWith(env, "run", "flights").status).toBe(0);
    const keys =
      write === toFiles
        ? await keysIn(project.out)
        : (
            await database.query<{ key: number }>("select flight_id::int as key from predicted order by 1")
          ).map(({ key }) => key);
    expect(keys).toEqual(keysBelow(50));
  },
);
