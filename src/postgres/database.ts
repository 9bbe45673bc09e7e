/** A pool of sessions with one database, and transactions on them. */
import type pg from "pg";
import { InfraError, type NightshiftError } from "../errors.js";
import type { ConnectionUrl } from "../job/connection.js";
import { postgresError } from "./postgres-errors.js";
import { endSession, openSession, type Session, type SessionOptions } from "./session.js";
import { watchSilence } from "./silence-watch.js";

export interface Database {
  readonly address: string;
  /** The URL for use in a command: as a reference if it was given as one, else its address. */
  readonly writtenAs: string;
  /**
   * Runs `work` with a session from the pool. After an error, the session is only reused if the server itself
   * reported the error. Errors are translated.
   */
  use<T>(work: (session: Session) => Promise<T>, doing?: string): Promise<T>;
  /** Runs one statement in a session from the pool. */
  query<R extends pg.QueryResultRow>(
    text: string,
    values?: readonly unknown[],
    doing?: string,
  ): Promise<pg.QueryResult<R>>;
  /**
   * BEGIN, the work, COMMIT; ROLLBACK if the work throws. Nothing is retried.
   * @throws InfraError `infra.commit-unknown` if COMMIT was sent and not answered: the caller must read back
   * the outcome
   */
  transaction<T>(work: (session: Session) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Closes immediately: connections in use are cut. */
  close(): Promise<void>;
}

export interface TransactionOptions {
  readonly isolation?: "read committed" | "repeatable read" | "serializable";
  readonly readOnly?: boolean;
  /** How long a statement may wait for a lock of another session before `infra.locked`. */
  readonly lockTimeoutMs?: number;
  /** How long the transaction may be idle before the server ends it and releases its locks. */
  readonly idleTimeoutMs?: number;
  /** The activity for error messages, after "while". */
  readonly doing?: string;
}

export interface DatabaseOptions extends SessionOptions {
  readonly maxSessions: number;
  /**
   * How long a session may be silent during a statement before the server is asked about it; 5 s by default.
   */
  readonly patienceMs?: number;
}

/** Together with the question, less than the renewal of a lease may take. */
const usualPatienceMs = 5_000;

/** Connects on first use. */
export function openDatabase(url: ConnectionUrl, options: DatabaseOptions): Database {
  const { address } = url;
  const { patienceMs = usualPatienceMs } = options;
  const idle: Session[] = [];
  const all = new Set<Session>();
  const waiting: (() => void)[] = [];
  let lent = 0;
  let isClosed = false;

  async function take(): Promise<Session> {
    while (lent >= options.maxSessions) await new Promise<void>((resolve) => waiting.push(resolve));
    if (isClosed) throw closed(address);
    lent += 1;
    try {
      const kept = idle.pop();
      if (kept !== undefined) return kept;
      const session = await openSession(url, options);
      all.add(session);
      session.on("end", () => {
        all.delete(session);
        const place = idle.indexOf(session);
        if (place >= 0) idle.splice(place, 1);
      });
      watchSilence(session, { url, patienceMs, onCut: dropIdle });
      return session;
    } catch (error) {
      free();
      throw error;
    }
  }

  /** If one connection is half open, connections that have been silent for longer may be too. */
  function dropIdle(): void {
    for (const session of idle.splice(0)) void endSession(session);
  }

  function free(): void {
    lent -= 1;
    waiting.shift()?.();
  }

  function giveBack(session: Session, isSound: boolean): void {
    if (isSound && !isClosed && all.has(session)) idle.push(session);
    else void endSession(session);
    free();
  }

  async function use<T>(work: (session: Session) => Promise<T>, doing?: string): Promise<T> {
    const session = await take();
    let isSound = false;
    try {
      const result = await work(session);
      isSound = true;
      return result;
    } catch (thrown) {
      const error = postgresError(thrown, { address, ...(doing === undefined ? {} : { doing }) });
      isSound = error.details.sqlstate !== undefined && !endsSession(error);
      throw error;
    } finally {
      giveBack(session, isSound);
    }
  }

  return {
    address,
    writtenAs: url.writtenAs ?? address,
    use,
    query: (text, values = [], doing) => use((session) => session.query(text, [...values]), doing),
    transaction: (work, transaction = {}) =>
      use((session) => inTransaction(session, work, transaction, address), transaction.doing),
    async close() {
      isClosed = true;
      for (const wake of waiting.splice(0)) wake();
      await Promise.all([...all].map(endSession));
    },
  };
}

/** Runs a transaction in the given session, which need not be from the pool. */
export async function inTransaction<T>(
  session: Session,
  work: (session: Session) => Promise<T>,
  options: TransactionOptions,
  address: string,
): Promise<T> {
  const { isolation = "read committed", readOnly = false, lockTimeoutMs, idleTimeoutMs, doing } = options;
  const place = { address, ...(doing === undefined ? {} : { doing }) };
  await session.query(`begin isolation level ${isolation}${readOnly ? " read only" : ""}`);
  let result: T;
  try {
    if (lockTimeoutMs !== undefined)
      await session.query(`set local lock_timeout = ${Math.ceil(lockTimeoutMs)}`);
    if (idleTimeoutMs !== undefined)
      await session.query(`set local idle_in_transaction_session_timeout = ${Math.ceil(idleTimeoutMs)}`);
    result = await work(session);
  } catch (thrown) {
    const error = postgresError(thrown, place);
    await session.query("rollback").catch(() => undefined);
    throw error;
  }
  const answer = await session.query("commit").catch((thrown: unknown) => {
    const error = postgresError(thrown, place);
    throw error.details.sqlstate === undefined || endsSession(error) ? commitUnknown(error, address) : error;
  });
  // After a failed statement, the server answers COMMIT with ROLLBACK and without an error.
  if (answer.command !== "COMMIT")
    throw new InfraError("infra.postgres", `${address}: the transaction had failed, and was rolled back.`);
  return result;
}

function endsSession({ code }: NightshiftError): boolean {
  return code === "infra.connection-lost" || code === "infra.unreachable";
}

function commitUnknown(cause: NightshiftError, address: string): InfraError {
  return new InfraError(
    "infra.commit-unknown",
    `${address}: the connection was lost after COMMIT was sent and before its answer came.`,
    { hint: "The next attempt reads back whether it was committed.", details: cause.details, cause },
  );
}

function closed(address: string): InfraError {
  return new InfraError("infra.connection-lost", `${address} is used after it was closed.`);
}
