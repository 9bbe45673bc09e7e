/**
 * Sessions with the ledger's database: the settings that its guarantees need, deadlines, and the handling of
 * lost answers.
 */
import type { QueryResultRow } from "pg";
import { NightshiftError } from "../../errors.js";
import type { ConnectionUrl } from "../../job/connection.js";
import { type Database, inTransaction, openDatabase } from "../../postgres/database.js";
import { type Session, socketOf } from "../../postgres/session.js";

export type Query = <R extends QueryResultRow>(text: string, values?: readonly unknown[]) => Promise<R[]>;

export interface LedgerDatabase {
  /** Location for messages, without secrets. */
  readonly place: string;
  readonly database: Database;
  /** Runs one read-only statement. It is repeated if the answer was lost. */
  readonly read: Query;
  /**
   * Runs one statement that changes data. If its answer was lost, `readBack` determines whether it was
   * committed: `null` means that it was not, and the statement is repeated.
   */
  write<T>(change: (query: Query) => Promise<T>, readBack: (query: Query) => Promise<T | null>): Promise<T>;
  /** Like `write`, in a transaction. It is repeated only if `mayRepeat`. */
  transaction<T>(
    change: (query: Query) => Promise<T>,
    readBack: (query: Query) => Promise<T | null>,
    options?: { readonly mayRepeat: boolean },
  ): Promise<T>;
  close(): Promise<void>;
}

export interface LedgerDatabaseOptions {
  /** Pauses between attempts to reach a server that does not answer. */
  readonly retryDelaysMs?: readonly number[];
  /**
   * A connection that is silent for this long counts as lost, independent of TCP and of the server: longer
   * than any statement may take. A half-open connection is noticed much sooner, unless a pooler hides the
   * server's state: see postgres/silence-watch.ts.
   */
  readonly answerTimeoutMs?: number;
  /** See the option of the same name in the postgres folder. */
  readonly patienceMs?: number;
}

/**
 * Transitions are short. With more sessions they would wait for each other's row locks instead of for a
 * session.
 */
const maxSessions = 4;
const lockTimeoutMs = 20_000;
const statementTimeoutMs = 60_000;
const usualDelaysMs = [250, 500, 1000, 2000, 4000];
const usualAnswerTimeoutMs = 90_000;
/** Ends idle transactions, so that a stopped coordinator does not keep its locks. */
const idleTimeoutMs = 15_000;
const tries = 5;

export function ledgerDatabase(url: ConnectionUrl, options: LedgerDatabaseOptions): LedgerDatabase {
  const { retryDelaysMs = usualDelaysMs, answerTimeoutMs = usualAnswerTimeoutMs } = options;
  // After one caller has waited in vain, other callers fail fast until the server answers: a run makes many
  // calls at its end.
  let isAway = false;
  const database = openDatabase(url, {
    role: "ledger",
    maxSessions,
    ...(options.patienceMs === undefined ? {} : { patienceMs: options.patienceMs }),
    get retryDelaysMs() {
      return isAway ? [] : retryDelaysMs;
    },
  });
  const ready = new WeakSet<Session>();
  const doing = "using the ledger";

  /**
   * Applies these settings even if a role or database has others: a transition is durable when it returns, a
   * transition that waited for a lock sees the changes of the lock's holder, and a server that lost contact
   * with this client ends the session within half a minute.
   */
  async function prepare(session: Session): Promise<void> {
    if (ready.has(session)) return;
    await session.query(
      `select set_config('lock_timeout', $1, false), set_config('statement_timeout', $2, false),
              set_config('default_transaction_isolation', 'read committed', false),
              set_config('synchronous_commit',
                case current_setting('synchronous_commit') when 'off' then 'on'
                else current_setting('synchronous_commit') end, false),
              set_config('tcp_user_timeout', '20s', false), set_config('tcp_keepalives_idle', '15', false),
              set_config('tcp_keepalives_interval', '5', false), set_config('tcp_keepalives_count', '3', false)`,
      [String(lockTimeoutMs), String(statementTimeoutMs)],
    );
    ready.add(session);
  }

  function watched(session: Session, touch: () => void = () => undefined): Query {
    return async <R extends QueryResultRow>(text: string, values: readonly unknown[] = []) => {
      touch();
      const { rows } = await cutting(session, () => session.query<R>(text, [...values]));
      touch();
      return rows;
    };
  }

  /** Closes a connection that receives nothing any more; its statements then fail as lost. */
  async function cutting<T>(session: Session, work: (touch: () => void) => Promise<T>): Promise<T> {
    const timer = setTimeout(() => socketOf(session).destroy(), answerTimeoutMs);
    try {
      return await work(() => void timer.refresh());
    } finally {
      clearTimeout(timer);
    }
  }

  async function use<T>(work: (session: Session) => Promise<T>): Promise<T> {
    try {
      return await database.use(async (session) => {
        isAway = false;
        await cutting(session, () => prepare(session));
        return work(session);
      }, doing);
    } catch (error) {
      if (error instanceof NightshiftError && error.code === "infra.unreachable") isAway = true;
      throw error;
    }
  }

  const once: Query = (text, values) => use((session) => watched(session)(text, values));

  const read: Query = (text, values) => again(() => once(text, values));

  async function settle<T>(
    change: () => Promise<T>,
    readBack: (query: Query) => Promise<T | null>,
    mayRepeat: boolean,
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await change();
      } catch (error) {
        if (!isLost(error)) throw error;
        const found = await readBack(read);
        if (found !== null) return found;
        if (!mayRepeat || attempt === tries) throw error;
      }
    }
  }

  return {
    place: database.address,
    database,
    read,
    write: (change, readBack) => settle(() => change(once), readBack, true),
    transaction: (change, readBack, { mayRepeat } = { mayRepeat: true }) =>
      settle(
        () =>
          use((session) =>
            cutting(session, (touch) =>
              inTransaction(
                session,
                () => change(watched(session, touch)),
                { idleTimeoutMs, doing },
                database.address,
              ),
            ),
          ),
        readBack,
        mayRepeat,
      ),
    close: () => database.close(),
  };
}

/**
 * Whether the answer was lost, so that the outcome of the statement is unknown. An unreachable server is a
 * different case.
 */
function isLost(error: unknown): boolean {
  return (
    error instanceof NightshiftError &&
    (error.code === "infra.connection-lost" || error.code === "infra.commit-unknown")
  );
}

async function again<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!isLost(error) || attempt === tries) throw error;
    }
  }
}
