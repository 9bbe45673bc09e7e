/** Sessions with one database, kept for the next user; and transactions on them. */
import type pg from "pg";
import { InfraError, type NightshiftError } from "../errors.js";
import type { ConnectionUrl } from "../job/connection.js";
import { postgresError } from "./postgres-errors.js";
import { endSession, openSession, type Session, type SessionOptions } from "./session.js";
import { watchSilence } from "./silence-watch.js";

export interface Database {
  readonly address: string;
  /** What names it in a command: a reference where there is one, else its address. */
  readonly writtenAs: string;
  /**
   * Lends a session, and takes it back however the work ends; one that failed is not lent again unless the server itself
   * answered. Errors come out translated.
   */
  use<T>(work: (session: Session) => Promise<T>, doing?: string): Promise<T>;
  /** One statement on a session of its own. */
  query<R extends pg.QueryResultRow>(
    text: string,
    values?: readonly unknown[],
    doing?: string,
  ): Promise<pg.QueryResult<R>>;
  /**
   * BEGIN, the work, COMMIT; ROLLBACK where the work throws. Nothing is tried again.
   * @throws InfraError `infra.commit-unknown` where COMMIT was sent and not answered: read back what became of it
   */
  transaction<T>(work: (session: Session) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Waits for nobody: sessions in use are cut off. */
  close(): Promise<void>;
}

export interface TransactionOptions {
  readonly isolation?: "read committed" | "repeatable read" | "serializable";
  readonly readOnly?: boolean;
  /** How long a statement may wait for a lock of another session: then `infra.locked`. */
  readonly lockTimeoutMs?: number;
  /** How long the transaction may sit without a statement before the server ends it, and gives its locks back. */
  readonly idleTimeoutMs?: number;
  /** For errors, after "while". */
  readonly doing?: string;
}

export interface DatabaseOptions extends SessionOptions {
  readonly maxSessions: number;
  /** How long a session may say nothing to a statement before the server is asked whether it works on it; 5 s. */
  readonly patienceMs?: number;
}

/** Less than renewing a lease may take, together with the question. */
const usualPatienceMs = 5_000;

/** Connects when it is first used. */
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

  /** Where one connection lost its other half, those that have been silent for longer may have, too. */
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

/** Also for a session of one's own. */
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
  // A transaction that failed before answers COMMIT with ROLLBACK, and no error.
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
    { hint: "What became of it is read back when this is tried again.", details: cause.details, cause },
  );
}

function closed(address: string): InfraError {
  return new InfraError("infra.connection-lost", `${address} is used after it was closed.`);
}
