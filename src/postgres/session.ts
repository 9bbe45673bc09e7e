/** One session with a server: opened with retries, ended by its owner. */
import type { Socket } from "node:net";
import { userInfo } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { CancelledError, InfraError, type NightshiftError } from "../errors.js";
import type { ConnectionUrl } from "../job/connection.js";
import { isUnreachable, postgresError } from "./postgres-errors.js";
import { type Tls, tlsOf } from "./tls.js";

/** A connected client of node-postgres. Its errors are native: see {@link postgresError}. */
export type Session = pg.Client;

export interface SessionOptions {
  /**
   * Suffix of the application name that the server's session lists show, after `nightshift`: `source`,
   * `ledger`.
   */
  readonly role: string;
  readonly signal?: AbortSignal;
  /** Pauses between attempts to reach a server that does not answer. */
  readonly retryDelaysMs?: readonly number[];
}

const connectTimeoutMs = 10_000;
/** How long to wait for the server's goodbye: the connection may be half open. */
const goodbyeMs = 2_000;
const keepAliveDelayMs = 30_000;
const usualDelaysMs = [250, 500, 1000, 2000, 4000];

/**
 * Opens a session outside the pool. The caller must `end()` it.
 *
 * @throws InfraError `infra.unreachable` (exit code 3), `infra.too-many-connections` after several tries;
 * `infra.authentication`, `infra.no-database`, `infra.tls` at once; CancelledError
 */
export async function openSession(url: ConnectionUrl, options: SessionOptions): Promise<Session> {
  const { signal, retryDelaysMs = usualDelaysMs } = options;
  for (let attempt = 0; ; attempt++) {
    if (signal?.aborted) throw new CancelledError();
    try {
      return await connectOnce(url, options);
    } catch (thrown) {
      // Before a session exists, a lost connection means that it could not be opened.
      const error = asUnreachable(postgresError(thrown, { address: url.address }));
      const delayMs = retryDelaysMs[attempt];
      if (!isUnreachable(error)) throw error;
      if (delayMs === undefined) throw triedOften(error, attempt + 1);
      await sleep(delayMs, undefined, signal === undefined ? {} : { signal }).catch(() => {
        throw new CancelledError();
      });
    }
  }
}

/** Never throws, and never waits for long. */
export async function endSession(session: Session): Promise<void> {
  const timer = setTimeout(() => socketOf(session).destroy(), goodbyeMs);
  await session.end().catch(() => undefined);
  clearTimeout(timer);
}

/** Returns the session's socket; with TLS, the socket below it. */
export function socketOf(session: Session): Socket {
  return (session as unknown as { readonly connection: { readonly stream: Socket } }).connection.stream;
}

async function connectOnce(url: ConnectionUrl, options: SessionOptions): Promise<Session> {
  const tls = tlsOf(url);
  try {
    return await connectWith(url, options, tls);
  } catch (error) {
    const speaksNoTls =
      error instanceof Error && error.message === "The server does not support SSL connections";
    if (tls?.optional !== true || !speaksNoTls) throw error;
    return connectWith(url, options, null);
  }
}

async function connectWith(url: ConnectionUrl, { role }: SessionOptions, tls: Tls | null): Promise<Session> {
  const { channel_binding } = url.options;
  const session = new pg.Client({ ...clientConfig(url, role, tls), types: textTypes } as pg.ClientConfig);
  // Without a listener, an error of an idle session would end the process.
  session.on("error", (error) => tellNextUser(session, error));
  const isBound = channel_binding === "require" ? watchBinding(session) : () => true;
  try {
    await session.connect();
    if (isBound()) return session;
    throw new InfraError(
      "infra.tls",
      `${url.address}: the server does not bind the password to its certificate.`,
      {
        hint: "It needs TLS and scram-sha-256; or remove channel_binding from the URL.",
      },
    );
  } catch (error) {
    await endSession(session);
    throw error;
  }
}

/**
 * Reports the server's reason for ending an idle session to its next user: node-postgres itself only reports
 * that the client is not queryable.
 */
function tellNextUser(session: Session, error: Error & { readonly code?: string }): void {
  if (error.code === undefined) return;
  const query = session.query.bind(session) as (...args: readonly unknown[]) => unknown;
  const refuse = (...args: readonly unknown[]): unknown =>
    typeof args[0] === "string" ? Promise.reject(error) : query(...args);
  session.query = refuse as Session["query"];
}

/**
 * Returns options of node-postgres for a library that makes its own connections. If TLS is only preferred,
 * the caller must have found out whether the server supports it: {@link speaksTls}.
 */
export function clientConfig(url: ConnectionUrl, role: string, tls: Tls | null): object {
  const { host, port, database, user, password, options } = url;
  const { application_name, connect_timeout, channel_binding, sslnegotiation } = options;
  return {
    host,
    port,
    database,
    user: user ?? userInfo().username,
    // Always set: node-postgres would otherwise search for a password in its own places.
    password: () => password() ?? "",
    ssl: tls === null ? false : { ...tls.options },
    ...(tls !== null && sslnegotiation !== undefined ? { sslnegotiation } : {}),
    enableChannelBinding: tls !== null && (channel_binding === "prefer" || channel_binding === "require"),
    application_name: application_name ?? `nightshift ${role}`,
    ...(options.options === undefined ? {} : { options: options.options }),
    connectionTimeoutMillis: timeoutMs(connect_timeout),
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveDelayMs,
  };
}

/**
 * For a library that takes clients out of a pool without listening to them: without a listener, the error of
 * a connection that breaks meanwhile would end the process. Its statements fail with the same error.
 */
export class HeardClient extends pg.Client {
  constructor(config: pg.ClientConfig) {
    super(config);
    this.on("error", () => undefined);
  }
}

/** Whether a session uses TLS. */
export function speaksTls(session: Session): boolean {
  const stream: object = socketOf(session);
  return "encrypted" in stream && stream.encrypted === true;
}

/** node-postgres uses channel binding if the server offers it; its protocol messages show whether it did. */
function watchBinding(session: Session): () => boolean {
  let isBound = false;
  const { connection } = session as unknown as { readonly connection: NodeJS.EventEmitter };
  connection.on("authenticationSASL", ({ mechanisms }: { readonly mechanisms: readonly string[] }) => {
    isBound = mechanisms.includes("SCRAM-SHA-256-PLUS");
  });
  return () => isBound;
}

function timeoutMs(seconds: string | undefined): number {
  const given = Number(seconds);
  return given > 0 ? given * 1000 : connectTimeoutMs;
}

function asUnreachable(error: NightshiftError): NightshiftError {
  if (error.code !== "infra.connection-lost") return error;
  const { message, hint, details, cause } = error;
  return new InfraError("infra.unreachable", message, {
    ...(hint === undefined ? {} : { hint }),
    details,
    cause,
  });
}

function triedOften({ code, message, hint, details, cause }: NightshiftError, tries: number): InfraError {
  const options = { ...(hint === undefined ? {} : { hint }), details: { ...details, tries }, cause };
  return new InfraError(code, tries === 1 ? message : `${message} It was tried ${tries} times.`, options);
}

const dateAndTime: ReadonlySet<number> = new Set([
  1082, 1083, 1114, 1184, 1186, 1266, 1115, 1182, 1183, 1185, 1187, 1270,
]);

/** Dates and times stay text: a JavaScript Date has neither their digits nor their range. */
const textTypes = {
  getTypeParser: (oid: number, format?: "text" | "binary") =>
    dateAndTime.has(oid) ? (text: string) => text : pg.types.getTypeParser(oid, format as "text"),
};
