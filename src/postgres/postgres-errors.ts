/**
 * Translates native errors by SQLSTATE. The server's text may contain values of rows (classes 22 and 23) and
 * parts of statements; these are omitted, and names of columns and constraints are added.
 */
import {
  CancelledError,
  DataError,
  type ErrorOptions,
  InfraError,
  type JsonValue,
  NightshiftError,
  SpecError,
} from "../errors.js";

export interface ErrorPlace {
  /** Address of the database, without secrets. */
  readonly address: string;
  /** The activity for messages, after "while": `reading features.users`. */
  readonly doing?: string;
}

type Translation = (text: Told) => NightshiftError;

/** The parts of a message. */
interface Told {
  /** ` while reading features.users`, or an empty string. */
  readonly during: string;
  readonly address: string;
  /** The server's own text. */
  readonly said: string;
  /** `column score of scores.users`, or an empty string. */
  readonly where: string;
  readonly options: ErrorOptions;
}

/** Fields that node-postgres and Node may add to an error. */
interface NativeError extends Error {
  readonly code?: string;
  readonly severity?: string;
  readonly schema?: string;
  readonly table?: string;
  readonly column?: string;
  readonly constraint?: string;
}

/** Translates an error that `pg` throws. Errors of this project are returned unchanged. */
export function postgresError(thrown: unknown, { address, doing }: ErrorPlace): NightshiftError {
  if (thrown instanceof NightshiftError) return thrown;
  const error: NativeError = thrown instanceof Error ? thrown : new Error(String(thrown));
  if (error.name === "AbortError") return new CancelledError("interrupted", { cause: error });
  const code = typeof error.code === "string" ? error.code : "";
  const isServers = /^[0-9A-Z]{5}$/.test(code) && error.severity !== undefined;
  const details: { [key: string]: JsonValue } = { address };
  if (code !== "") details[isServers ? "sqlstate" : "errno"] = code;
  const { schema, table, column, constraint } = error;
  for (const [name, value] of Object.entries({ schema, table, column, constraint }))
    if (value !== undefined) details[name] = value;
  const told: Told = {
    during: doing === undefined ? "" : ` while ${doing}`,
    address,
    said: error.message,
    where: whereOf(error),
    options: { details, cause: error },
  };
  if (!isServers) return ofConnection(error, code, told);
  const translate = bySqlState[code] ?? byClass[code.slice(0, 2)] ?? unforeseen;
  return translate(told);
}

/**
 * Whether the server does not answer, or accepts no more connections at present: a retry is worthwhile for a
 * while.
 */
export function isUnreachable(error: NightshiftError): boolean {
  return error.code === "infra.unreachable" || error.code === "infra.too-many-connections";
}

const infra =
  (code: string, what: string, hint: string): Translation =>
  ({ during, address, said, options }) =>
    new InfraError(code, `${address}: ${what}${during} (${said}).`, { hint, ...options });

const ofSpec =
  (code: string, hint: string): Translation =>
  ({ during, address, said, options }) =>
    new SpecError(code, `${address}: ${said}${during}.`, { hint, ...options });

const lost = infra(
  "infra.connection-lost",
  "the connection was lost",
  "Run the same command again once the server answers: accepted partitions are kept.",
);
/** The server repeats this for as long as the setting is in effect. */
const endedAsIdle = (setting: string): Translation =>
  infra(
    "infra.connection-lost",
    `the server ended an idle session: ${setting} is set`,
    `Set ${setting} to 0 for this role (alter role ... set ${setting} = 0), or longer than the longest pause between two statements; then run the same command again.`,
  );
const unreachable = infra(
  "infra.unreachable",
  "the server cannot be reached",
  "Check that it runs, and that this machine may connect to it; then run the same command again.",
);
const conflict = infra(
  "infra.conflict",
  "it conflicts with another session",
  "Try again; nothing was changed.",
);
const denied = infra(
  "infra.authentication",
  "the server refuses this user",
  "Check user and password in the variables that the URL is made of, and pg_hba.conf.",
);
const stopped = infra(
  "infra.statement-stopped",
  "the server stopped a statement",
  "Raise or remove statement_timeout for this role (alter role ... set statement_timeout = 0), or find out who cancelled it.",
);
/** From PostgreSQL 17 on. It ends the session. */
const transactionTooLong = infra(
  "infra.statement-stopped",
  "the server ended a transaction: transaction_timeout is set",
  "Set transaction_timeout to 0 for this role (alter role ... set transaction_timeout = 0), or longer than a publication takes; then run the same command again.",
);

const bySqlState: { readonly [sqlState: string]: Translation } = {
  "28000": denied,
  "28P01": denied,
  "3D000": infra("infra.no-database", "there is no such database", "Check the name at the end of the URL."),
  "42501": infra(
    "infra.permission",
    "permission denied",
    "Grant this role the privileges that docs/postgres.md lists for it.",
  ),
  "42P01": ofSpec(
    "postgres.no-such-table",
    "Check the table's name and schema: names are exact, capitals included.",
  ),
  "3F000": ofSpec("postgres.no-such-schema", "Check the schema's name, or create it."),
  "42703": ofSpec("postgres.no-such-column", "Check the column's name: names are exact, capitals included."),
  "42601": ofSpec("postgres.syntax", "Correct the query."),
  "25006": infra(
    "infra.read-only",
    "the server is read-only",
    "Connect to the primary, or turn off default_transaction_read_only for this role.",
  ),
  "53100": infra(
    "infra.disk-full",
    "the server's disk is full",
    "Free space there, then run the same command again: accepted partitions are kept.",
  ),
  "53200": infra("infra.server-memory", "the server is out of memory", "Try again when it has more."),
  "53300": infra(
    "infra.too-many-connections",
    "the server accepts no more connections",
    "Raise max_connections or the role's limit, or lower limits.threads.",
  ),
  "55P03": infra(
    "infra.locked",
    "another session holds a lock",
    "Find the session in pg_locks and try again once it has ended, or raise lock_timeout for this role if that setting ended the statement.",
  ),
  "57014": stopped,
  "25P04": transactionTooLong,
  "57P01": lost,
  "57P02": lost,
  "57P05": endedAsIdle("idle_session_timeout"),
  "25P03": endedAsIdle("idle_in_transaction_session_timeout"),
  "57P03": unreachable,
  "40001": conflict,
  "40P01": conflict,
  "0A000": infra(
    "infra.unsupported",
    "the server does not support this",
    "See docs/postgres.md for versions.",
  ),
};

const byClass: { readonly [sqlStateClass: string]: Translation } = {
  "08": lost,
  // The server's text contains the value.
  "22": ({ during, address, where, options }) =>
    new DataError(
      "data.database-value",
      `${address}: a value does not fit${where === "" ? "" : ` ${where}`}${during}.`,
      {
        hint: "Compare the columns' types with those of the predictions: nightshift plan shows both.",
        ...options,
      },
    ),
  "23": ({ during, address, where, options }) =>
    new DataError(
      "data.constraint",
      `${address}: a row breaks ${where === "" ? "a constraint" : where}${during}.`,
      { hint: "Correct the rows, or the constraint.", ...options },
    ),
  "53": infra("infra.server-resources", "the server is short of a resource", "See the server's log."),
  "58": infra("infra.server", "the server failed", "See the server's log."),
  XX: infra("infra.server", "the server failed", "See the server's log."),
};

const unforeseen = infra("infra.postgres", "the server refused a statement", "See the server's log.");

/** Errors of the connection: no answer came, or not from the server. */
function ofConnection(error: NativeError, code: string, told: Told): NightshiftError {
  if (isTls(error, code))
    return infra(
      "infra.tls",
      "no protected connection was made",
      "Check sslmode and sslrootcert in the URL against the server's certificate: docs/postgres.md.",
    )(told);
  if (/password must be/.test(error.message) || code === "ERR_NO_PASSWORD") return denied(told);
  if (unreachableCodes.has(code) || /timeout expired|connection timeout/i.test(error.message))
    return unreachable({ ...told, said: reasons[code] ?? error.message });
  if (
    lostCodes.has(code) ||
    /Connection terminated|connection error|not queryable|Client was closed/i.test(error.message)
  )
    return lost(told);
  return unforeseen(told);
}

const unreachableCodes: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOENT",
  "EACCES",
]);

const lostCodes: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE", "ECONNABORTED"]);

const reasons: { readonly [code: string]: string } = {
  ECONNREFUSED: "connection refused",
  ETIMEDOUT: "no answer in time",
  ENOTFOUND: "there is no host of this name",
  EAI_AGAIN: "its name cannot be looked up now",
  ENOENT: "there is no such socket",
  EACCES: "access to the socket is denied",
};

function isTls({ message }: Error, code: string): boolean {
  return (
    /CERT|^ERR_(TLS|SSL|OSSL)|^EPROTO$|^UNABLE_TO_/.test(code) ||
    /SSL connection|channel binding|SCRAM-SHA-256-PLUS/i.test(message)
  );
}

function whereOf({ schema, table, column, constraint }: NativeError): string {
  const relation = [schema, table].filter((part) => part !== undefined).join(".");
  const part =
    constraint === undefined ? (column === undefined ? "" : `column ${column}`) : `constraint ${constraint}`;
  return [part, relation].filter((text) => text !== "").join(" of ");
}
