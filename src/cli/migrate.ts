import type { Command } from "commander";
import { SpecError } from "../errors.js";
import { isConnectionUrl } from "../job/connection.js";
import { openDatabase } from "../postgres/database.js";
import { migrate, migrationsOf } from "../postgres/migrate.js";
import { counted } from "../text/human.js";
import { ledgerUrl } from "../wiring/open-ledger.js";
import { expandUrl } from "./lookup/connection-here.js";
import { type Cli, printJson } from "./shell/context.js";

export function declare(command: Command): void {
  command.option("--queue <url>", "make the tables of a queue instead, in the database that shall carry it");
  command.addHelpText(
    "after",
    `
Makes the schema \`nightshift\`, in a database that keeps a ledger or takes predictions. Nothing else ever changes it. May be
repeated, and from several processes at once. The role needs CREATE on the database; what other roles need is in
docs/postgres.md. A URL with a password is better set in NIGHTSHIFT_LEDGER than typed, or named in quotes as
'\${DATABASE_URL}': then no list of processes shows it.`,
  );
}

interface MigrateFlags {
  readonly queue?: string;
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const { queue } = command.opts<MigrateFlags>();
  const place = { cwd: cli.cwd, secrets: cli.secrets, environment: cli.settings.environment };
  if (queue !== undefined) return migrateTheQueue(expandUrl(queue, place), cli);
  const [typed] = command.args;
  const given = typed === undefined ? undefined : expandUrl(typed, place);
  if (given !== undefined && !isConnectionUrl(given))
    throw new SpecError("usage.invalid-argument", "not a database URL", {
      hint: "Give it as `postgres://user:password@host:5432/database`.",
    });
  const url = await ledgerUrl({ ...cli.settings, ledger: given ?? cli.settings.ledger }, cli.secrets);
  const database = openDatabase(url, { role: "migrate", maxSessions: 1 });
  try {
    const applied = await migrate(database);
    const versions = (await migrationsOf(database)).map(({ version }) => version);
    const { out, err, globals } = cli;
    if (globals.json) printJson(out, { database: url.address, applied, versions });
    else if (!globals.quiet) {
      for (const { version, name } of applied) out.line(`applied ${version}: ${name}`);
      err.line(
        applied.length === 0
          ? `nothing to do: ${url.address} is up to date`
          : `${err.paint.green(`migrated ${url.address}`)}: ${counted(applied.length, "step")}`,
      );
    }
    return 0;
  } finally {
    await database.close();
  }
}

/** @throws SpecError `usage.invalid-argument` where it is none that needs tables */
async function migrateTheQueue(
  queue: string,
  { settings, secrets, globals, out, err }: Cli,
): Promise<number> {
  if (!isConnectionUrl(queue))
    throw new SpecError("usage.invalid-argument", "not a database URL", {
      hint: "Only a queue on PostgreSQL has tables; one on Redis needs none.",
    });
  const { migrateQueue } = await import("../dispatchers/queue/postgres-backend.js");
  const url = await ledgerUrl({ ...settings, ledger: queue }, secrets);
  await migrateQueue(url);
  if (globals.json) printJson(out, { database: url.address, queue: true });
  else if (!globals.quiet) err.line(err.paint.green(`migrated ${url.address}: the queue's tables are there`));
  return 0;
}
