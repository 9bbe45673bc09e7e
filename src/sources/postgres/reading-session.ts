/** Sessions that only read, in a given snapshot. */

import { CancelledError, InfraError } from "../../errors.js";
import type { ConnectionUrl } from "../../job/connection.js";
import { quoteTable, quoteText } from "../../postgres/identifiers.js";
import { endSession, openSession, type Session } from "../../postgres/session.js";
import type { PostgresInput } from "./postgres-input.js";
import { readingError } from "./reading-errors.js";

export interface ReadingOptions {
  /** Table to lock before the snapshot is taken, against TRUNCATE and VACUUM FULL. */
  readonly lock: PostgresInput["read"] | null;
  /** In the format of {@link snapshotText}. */
  readonly snapshot: string | null;
  /** For errors, after "while". */
  readonly doing: string;
  readonly signal?: AbortSignal;
}

/**
 * Texts of values must have the same meaning in all sessions of a run. A chunk waits for the model, so
 * statement limits are those of the run, not of the role.
 */
const settingsSql = `
  select set_config(s.name, w.value, true)
  from pg_settings s join (values
    ('statement_timeout', '0'), ('idle_in_transaction_session_timeout', '0'), ('transaction_timeout', '0'),
    ('client_connection_check_interval', '10000'), ('synchronize_seqscans', 'off'), ('datestyle', 'ISO, YMD'),
    ('timezone', 'UTC'), ('intervalstyle', 'postgres'), ('extra_float_digits', '1'), ('bytea_output', 'hex')
  ) w(name, value) on lower(s.name) = w.name`;

/** Runs the work in a read-only transaction of its own session. Errors are translated. */
export async function reading<T>(
  url: ConnectionUrl,
  options: ReadingOptions,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await openReading(url, options);
  try {
    return await work(session);
  } catch (thrown) {
    if (options.signal?.aborted) throw new CancelledError();
    throw readingError(thrown, { address: url.address, doing: options.doing });
  } finally {
    await endSession(session);
  }
}

/** Opens a session with a transaction; ending the session ends it. */
export async function openReading(url: ConnectionUrl, options: ReadingOptions): Promise<Session> {
  const { signal, lock, snapshot, doing } = options;
  const session = await openSession(url, { role: "source", ...(signal === undefined ? {} : { signal }) });
  try {
    await session.query("begin isolation level repeatable read read only");
    if (lock?.kind === "table") await lockTable(session, lock.table);
    if (snapshot !== null) await enterSnapshot(session, snapshot, url.address);
    await session.query(settingsSql);
    return session;
  } catch (thrown) {
    await endSession(session);
    throw readingError(thrown, { address: url.address, doing });
  }
}

/** Only tables and views can be locked by name; other relations cannot be truncated or rewritten remotely. */
async function lockTable(session: Session, table: Parameters<typeof quoteTable>[0]): Promise<void> {
  await session.query("savepoint before_lock");
  try {
    await session.query(`lock table ${quoteTable(table)} in access share mode`);
  } catch (error) {
    if ((error as { readonly code?: string }).code !== "42809") throw error;
    await session.query("rollback to savepoint before_lock");
  }
  await session.query("release savepoint before_lock");
}

/** Formats a snapshot's name and its content, because names are reused after a restart of the server. */
export function snapshotText(name: string, content: string): string {
  return `${name} ${content}`;
}

async function enterSnapshot(session: Session, snapshot: string, address: string): Promise<void> {
  const [name = "", content] = snapshot.split(" ");
  try {
    await session.query(`set transaction snapshot ${quoteText(name)}`);
  } catch (error) {
    const { code } = error as { readonly code?: string };
    if (code === "22023" || code === "42704") throw snapshotLost(address, error);
    throw error;
  }
  const { rows } = await session.query<{ content: string }>("select pg_current_snapshot()::text as content");
  if (rows[0]?.content !== content) throw snapshotLost(address, undefined);
}

/** A lost snapshot cannot be restored: the run has to start from the beginning. */
function snapshotLost(address: string, cause: unknown): InfraError {
  return new InfraError(
    "infra.snapshot-lost",
    `${address}: the snapshot that the run reads is gone: the session that held it was lost.`,
    { hint: "Nothing was published. Run it again: it then reads a new snapshot from the beginning.", cause },
  );
}
