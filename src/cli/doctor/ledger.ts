import { type Database, openDatabase } from "../../postgres/database.js";
import { migrationsOf } from "../../postgres/migrate.js";
import { ledgerUrl } from "../../wiring/open-ledger.js";
import type { Cli } from "../shell/context.js";
import { type Finding, failedFinding } from "./finding.js";

/** Leases are on the database's clock; times that people read are on this machine's. */
const mostSecondsApart = 5;
/** What the tests run on. */
const [oldest, newest] = [13, 18];

/** The database that `--ledger` names: it answers, lets this role in, and has the tables of this version. */
export async function checkLedger(cli: Cli): Promise<readonly Finding[]> {
  const check = "ledger";
  try {
    // Opening it looks at the migrations, and listing asks its tables.
    const ledger = await (await cli.app()).ledger();
    for await (const _ of ledger.listRuns()) break;
    const database = openDatabase(await ledgerUrl(cli.settings, cli.secrets), {
      role: "doctor",
      maxSessions: 1,
    });
    try {
      return [await checkServer(database), await checkDatabaseClock(database, cli)];
    } finally {
      await database.close();
    }
  } catch (thrown) {
    return [failedFinding(check, thrown)];
  }
}

async function checkServer(database: Database): Promise<Finding> {
  const applied = await migrationsOf(database);
  const { rows } = await database.query<{ number: string; text: string }>(
    "select current_setting('server_version_num') as number, current_setting('server_version') as text",
  );
  const [server] = rows;
  const major = Math.floor(Number(server?.number) / 10_000);
  const detail = `${database.address}, PostgreSQL ${server?.text ?? "?"}, ${applied.length} migrations`;
  if (major >= oldest && major <= newest) return { check: "ledger", result: "ok", detail };
  return { check: "ledger", result: "warn", detail, hint: `Tested are versions ${oldest} to ${newest}.` };
}

async function checkDatabaseClock(database: Database, { clock }: Cli): Promise<Finding> {
  const check = "ledger clock";
  const askedMs = clock.now().getTime();
  const { rows } = await database.query<{ ms: string }>(
    "select (extract(epoch from clock_timestamp()) * 1000)::bigint as ms",
  );
  const answeredMs = clock.now().getTime();
  // Half of the round trip either way.
  const seconds = (Number(rows[0]?.ms) - (askedMs + answeredMs) / 2) / 1000;
  const detail = `${Math.abs(seconds).toFixed(1)} s ${seconds < 0 ? "behind" : "ahead of"} this machine`;
  if (Math.abs(seconds) < mostSecondsApart) return { check, result: "ok", detail };
  return {
    check,
    result: "warn",
    detail,
    hint: "Leases go by the database's clock, and hold. Let a time service set both clocks, for times that you read.",
  };
}
