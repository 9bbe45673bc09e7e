/** Sessions with the ledger's database: settings that its promises need, deadlines, and what to do about lost answers. */
import type { QueryResultRow } from "pg";
import { NightshiftError } from "../../errors.js";
import type { ConnectionUrl } from "../../job/connection.js";
import { type Database, inTransaction, openDatabase } from "../../postgres/database.js";
import { type Session, socketOf } from "../../postgres/session.js";

export type Query = <R extends QueryResultRow>(text: string, values?: readonly unknown[]) => Promise<R[]>;

export interface LedgerDatabase {
  /** For people, without secrets. */
  readonly place: string;
  readonly database: Database;
  /** One statement that changes nothing: asked again where the answer was lost. */
  readonly read: Query;
  /**
   * One statement that changes something. Where its answer was lost, `readBack` says what became of it: `null` means
   * that it was not done, and it is done again.
   */
  write<T>(change: (query: Query) => Promise<T>, readBack: (query: Query) => Promise<T | null>): Promise<T>;
  /** As `write`, in a transaction; done again only if `mayRepeat`. */
  transaction<T>(
    change: (query: Query) => Promise<T>,
    readBack: (query: Query) => Promise<T | null>,
    options?: { readonly mayRepeat: boolean },
  ): Promise<T>;
  close(): Promise<void>;
}

export interface LedgerDatabaseOptions {
  /** Pauses between tries to reach a server that does not answer. */
  readonly retryDelaysMs?: readonly number[];
  /**
   * Past this a connection counts as lost, whatever TCP and the server say: more than any statement may take. One that
   * lost a half is noticed much sooner, unless a pooler hides what the server does: see postgres/silence-watch.ts.
   */
  readonly answerTimeoutMs?: number;
  /** As a database's. */
  readonly patienceMs?: number;
}

/** Transitions are short. More of them at once would wait for each other's locks and not for a session. */
const maxSessions = 4;
const lockTimeoutMs = 20_000;
const statementTimeoutMs = 60_000;
const usualDelaysMs = [250, 500, 1000, 2000, 4000];
const usualAnswerTimeoutMs = 90_000;
/** A coordinator that stops in the middle of a transaction must not keep its locks. */
const idleTimeoutMs = 15_000;
const tries = 5;

export function ledgerDatabase(url: ConnectionUrl, options: LedgerDatabaseOptions): LedgerDatabase {
  const { retryDelaysMs = usualDelaysMs, answerTimeoutMs = usualAnswerTimeoutMs } = options;
  // Once somebody has waited in vain, nobody else does until the server answers: a run has much to say at its end.
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
   * Also where a role or a database has it otherwise: what a transition returned is durable, and one that waited for
   * another's lock sees what that one did; and a server that hears nothing of us any more gives the session up within
   * half a minute.
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

  /** Ends a connection over which nothing comes any more; its statements then fail as lost. */
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

/** Whether the answer was lost, and with it what became of the statement. Nobody to ask at all is another matter. */
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
