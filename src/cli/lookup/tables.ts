// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is how databases are named
/** Tables that a command line names: a database in place of a path, and beside it the table. */
import { setVariable } from "../../config.js";
import { SpecError } from "../../errors.js";
import {
  type Connection,
  isConnectionUrl,
  parseTableName,
  type TableName,
  tableText,
  withoutPassword,
} from "../../job/connection.js";
import type { PostgresWrite } from "../../sinks/postgres/postgres-write.js";
import type { PostgresInput } from "../../sources/postgres/postgres-input.js";
import { expandText } from "../../spec/expand-tree-variables.js";
import type { Cli } from "../shell/context.js";
import { connectionHere } from "./connection-here.js";

export type DatabasePlace = Pick<Cli, "cwd" | "settings" | "secrets">;

/** The options that name a table, and the variable that holds a password which was typed with its database. */
const sides = {
  input: { option: "--table", variable: "NIGHTSHIFT_INPUT_PASSWORD" },
  output: { option: "--to-table", variable: "NIGHTSHIFT_OUTPUT_PASSWORD" },
} as const;

export type Side = keyof typeof sides;

/** Whether a word names a database: by its URL, or by a reference that leads to one here. */
export function namesDatabase(word: string, { cwd, settings, secrets }: DatabasePlace): boolean {
  if (isConnectionUrl(word)) return true;
  if (!word.includes("${")) return false;
  const { text } = expandText(word, { baseDir: cwd, environment: settings.environment, secrets });
  return isConnectionUrl(text);
}

/** The table that is read. @throws SpecError `usage.table`, `connection.*` */
export function tableInput(
  words: readonly string[],
  name: string,
  key: readonly string[],
  place: DatabasePlace,
): PostgresInput {
  const [database = "", ...more] = words;
  if (more.length > 0)
    throw new SpecError("usage.table", "--table takes one database, and several inputs are named", {
      hint: "Name the database alone: '${DATABASE_URL}' --table schema.name",
    });
  return {
    kind: "postgres",
    connection: connectionOf(database, "input", place),
    read: { kind: "table", table: tableOf(name, "input") },
    consistency: "snapshot",
    key,
    onEmpty: "fail",
  };
}

/** The table that is written; it is made where it is missing. @throws SpecError `usage.table`, `connection.*` */
export function tableWrite(
  database: string,
  name: string,
  { key, overwrite }: { readonly key: readonly string[]; readonly overwrite: boolean },
  place: DatabasePlace,
): PostgresWrite {
  return {
    kind: "postgres",
    connection: connectionOf(database, "output", place),
    table: tableOf(name, "output"),
    mode: overwrite ? "replace" : "error",
    key,
    create: true,
    onMissing: "keep",
    quarantine: null,
    layout: {},
    partitionBy: [],
    add: {},
  };
}

/** @throws SpecError `usage.missing-table` where a database is named without a table */
export function refuseBareDatabase(word: string, side: Side, place: DatabasePlace): void {
  if (!namesDatabase(word, place)) return;
  const { option } = sides[side];
  throw new SpecError("usage.missing-table", `which table of the database is ${side}?`, {
    hint: `Add ${option} schema.name.`,
  });
}

/** @throws SpecError `usage.output-in-input` for a table that is read and written */
export function refuseSameTable(input: PostgresInput, write: PostgresWrite): void {
  if (input.connection.address !== write.connection.address || input.read.kind !== "table") return;
  const whole = ({ schema, name }: TableName): string => tableText({ schema: schema ?? "public", name });
  if (whole(input.read.table) !== whole(write.table)) return;
  throw new SpecError("usage.output-in-input", `${tableText(write.table)} is both input and output`, {
    hint: "Write to another table.",
  });
}

/** @throws SpecError `usage.table` */
export function tableOf(name: string, side: Side): TableName {
  const table = parseTableName(name);
  if (table !== null) return table;
  throw new SpecError("usage.table", `${sides[side].option} ${name} is not the name of a table`, {
    hint: 'Write schema.table, each up to 63 bytes, with "…" around one that has a dot or a quote in it.',
  });
}

function connectionOf(word: string, side: Side, place: DatabasePlace): Connection {
  if (!word.includes("${") && !isConnectionUrl(word))
    throw new SpecError(
      "usage.table",
      `${sides[side].option} names a table, and ${word} is not the URL of a database`,
      {
        hint: `Name the database as '\${DATABASE_URL}', or leave out ${sides[side].option}.`,
      },
    );
  return connectionHere(word.includes("${") ? word : withReference(word, side, place), place);
}

/**
 * A URL that was typed, with a reference in place of its password: what is kept of a run holds no secret. Hosts of this
 * process find the variable in their environment; another process needs it set.
 */
function withReference(url: string, side: Side, { settings, secrets }: DatabasePlace): string {
  const bare = withoutPassword(url);
  if (bare === url) return url;
  const { variable } = sides[side];
  const password = /^[a-z]+:\/\/[^\s/?#@:]*:([^\s/?#]*)@/i.exec(url) ?? /[?&]password=([^&#]*)/i.exec(url);
  if (password?.[1] === undefined) return url;
  if (settings.queue !== null) throw typedPassword("workers of a queue cannot know it");
  secrets.add(password[1]);
  setVariable(variable, password[1]);
  return url.replace(password[0], () => password[0].replace(password[1] ?? "", () => `\${${variable}}`));
}

/** A job's spec names a database by reference: it may be committed. @throws SpecError `usage.typed-password` */
export function refuseTypedPassword(word: string): void {
  if (!word.includes("${") && isConnectionUrl(word) && withoutPassword(word) !== word)
    throw typedPassword("a job's spec holds no secret");
}

function typedPassword(why: string): SpecError {
  return new SpecError("usage.typed-password", `a password is typed into the URL of a database, and ${why}`, {
    hint: "Put the URL into a variable, and name it in single quotes: '${DATABASE_URL}'.",
  });
}
