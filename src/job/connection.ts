/**
 * Databases as jobs name them. Plans, ledgers and queues store a {@link Connection}, which contains no
 * secret. Each process resolves it to a {@link ConnectionUrl} from its own environment.
 */

/** A database by reference. */
export interface Connection {
  /** As written in the spec, for example `${DATABASE_URL}`: variables and secret files are unexpanded. */
  readonly template: string;
  /** Absolute; `${file:…}` is relative to it. */
  readonly baseDir: string;
  /**
   * `postgres://host:port/database`: no user, no password, no options. It identifies the database for display
   * and in identities, so that another password does not make another job.
   */
  readonly address: string;
}

/** A table by its exact name: names are not folded to lower case. */
export interface TableName {
  /** `null`: resolved by the connection's `search_path`. */
  readonly schema: string | null;
  readonly name: string;
}

/** A parsed database URL. It contains a secret: keep it in memory, and out of JSON and logs. */
export interface ConnectionUrl {
  readonly address: string;
  /** A host's name or address, or the absolute path of a directory with a socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string | null;
  /** A function, so that neither JSON nor inspection of the object shows it. */
  readonly password: () => string | null;
  /** The database on a command line, without a secret: the URL with its references unexpanded. */
  readonly writtenAs?: string;
  /** Options by libpq's names: those of {@link connectionOptions}. */
  readonly options: { readonly [name in ConnectionOption]?: string };
}

/** Supported parameters of a URL. Others are refused rather than ignored. */
export const connectionOptions = [
  "sslmode",
  "sslrootcert",
  "sslcert",
  "sslkey",
  "sslnegotiation",
  "channel_binding",
  "connect_timeout",
  "application_name",
  "options",
] as const;

export type ConnectionOption = (typeof connectionOptions)[number];

/** The modes of libpq except `allow`, which protects against nothing. */
export const sslModes = ["disable", "prefer", "require", "verify-ca", "verify-full"] as const;

export type SslMode = (typeof sslModes)[number];

export interface BadConnectionUrl {
  /** A sentence without parts of the URL that may be secret. */
  readonly failure: string;
  readonly suggestion: string;
}

export function isConnectionUrl(text: string): boolean {
  return /^postgres(ql)?:\/\//i.test(text);
}

const inTheUrl = ["host", "port", "user", "password", "dbname"];

/** Parses a URL as libpq does; `docs/postgres.md` lists the differences. */
export function parseConnectionUrl(text: string): ConnectionUrl | BadConnectionUrl {
  if (/^[^/]*:\/\/(?:[^/?#]*@)?[^/?#@]*,/.test(text)) return severalHosts();
  let url: URL;
  try {
    // A URL with a user and no host is one to libpq: the host is the default, or stands among the parameters.
    url = new URL(text.replace(/^([a-z]+:\/\/[^/?#]*@)(?=[/?#]|$)/i, "$1localhost"));
  } catch {
    return bad(
      "it is not a database URL",
      "write `postgres://user:password@host:5432/database`; in a password, `@`, `/`, `?`, `#` and `%` have to be percent-encoded",
    );
  }
  // libpq decodes `%` alone: to it, `+` is no space.
  const parameters = new Map(new URLSearchParams(url.search.replaceAll("+", "%2B")));
  const strange = [...parameters.keys()].find(
    (name) => !inTheUrl.includes(name) && !(connectionOptions as readonly string[]).includes(name),
  );
  if (strange !== undefined)
    return bad(
      `\`${strange}\` in the URL means nothing here`,
      `remove it; there are ${connectionOptions.join(", ")}`,
    );
  const named = (parameters.get("host") ?? decoded(url.hostname)).replace(/^\[(.*)\]$/, "$1") || "localhost";
  if (named.includes(",")) return severalHosts();
  const host = named.startsWith("/") ? named : named.toLowerCase();
  const port = Number(parameters.get("port") ?? (url.port || "5432"));
  const database = parameters.get("dbname") ?? decoded(url.pathname.slice(1));
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    return bad(
      "its port is no number from 1 to 65535",
      "write `postgres://user:password@host:5432/database`",
    );
  const mode = parameters.get("sslmode");
  if (mode !== undefined && !(sslModes as readonly string[]).includes(mode))
    return bad(`\`sslmode=${mode}\` is not known here`, `choose one of ${sslModes.join(", ")}`);
  if (database === "") return bad("it names no database", "end it with `/` and the database's name");
  const user = parameters.get("user") ?? decoded(url.username);
  const password = parameters.get("password") ?? decoded(url.password);
  return {
    address: addressOf(host, port, database),
    host,
    port,
    database,
    user: user === "" ? null : user,
    password: () => (password === "" ? null : password),
    options: Object.fromEntries([...parameters].filter(([name]) => !inTheUrl.includes(name))),
  };
}

export function isBadUrl(url: ConnectionUrl | BadConnectionUrl): url is BadConnectionUrl {
  return "failure" in url;
}

/** Removes a literal password from a URL, before the host or in the parameters; references stay. */
export function withoutPassword(text: string): string {
  return text
    .replace(/^([a-z][a-z0-9+.-]*:\/\/[^\s/?#@:]*):(?!\$\{)[^\s/?#]*@/i, "$1@")
    .replace(/([?&])(?:ssl)?password=(?!\$\{)[^&#]*&?/gi, "$1")
    .replace(/[?&]+(?=#|$)/, "");
}

function addressOf(host: string, port: number, database: string): string {
  const written = host.startsWith("/") ? encodeURIComponent(host) : host.includes(":") ? `[${host}]` : host;
  return `postgres://${written}:${port}/${encodeURIComponent(database)}`;
}

function severalHosts(): BadConnectionUrl {
  return bad("it names several hosts", "name one: the one that takes writes, or a proxy in front of them");
}

function bad(failure: string, suggestion: string): BadConnectionUrl {
  return { failure, suggestion };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** PostgreSQL silently truncates longer names, so two of them may become one. */
const maxNameBytes = 63;

/**
 * Parses `table` or `schema.table`, with `"…"` around a part that contains a dot or a quote. Returns `null`
 * for an invalid name.
 */
export function parseTableName(text: string): TableName | null {
  const match = /^(?:("(?:[^"]|"")+"|[^."]+)\.)?("(?:[^"]|"")+"|[^."]+)$/s.exec(text);
  if (match === null) return null;
  const [, schema, name = ""] = match;
  const parts = [schema === undefined ? null : unquoted(schema), unquoted(name)] as const;
  return parts.every((part) => part === null || isName(part)) ? { schema: parts[0], name: parts[1] } : null;
}

/** Whether PostgreSQL allows this name. */
export function isName(text: string): boolean {
  return text !== "" && !text.includes("\0") && new TextEncoder().encode(text).length <= maxNameBytes;
}

/** Formats a table name for display and identities: {@link parseTableName} reads it back. */
export function tableText({ schema, name }: TableName): string {
  return schema === null ? written(name) : `${written(schema)}.${written(name)}`;
}

function unquoted(part: string): string {
  return part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part;
}

function written(part: string): string {
  return /[."]/.test(part) ? `"${part.replaceAll('"', '""')}"` : part;
}
