/** Settings that the statements of this sink need, regardless of settings of the role or the database. */
import type { Session } from "../../postgres/session.js";

/**
 * Applies to the rest of the session. READ COMMITTED, so that the losing insert of a race gets no row from
 * `on conflict` instead of a serialization error. Times are passed as text, and date styles other than ISO
 * use ambiguous zone names. A session waits for the model between two chunks without limit, so it must not be
 * ended as idle (from PostgreSQL 14 on).
 */
export async function ownSettings(session: Session, lockTimeoutMs: number): Promise<void> {
  await session.query(
    `select set_config('lock_timeout', $1, false), set_config('datestyle', 'ISO', false),
            set_config('default_transaction_isolation', 'read committed', false),
            (select set_config(name, '0', false) from pg_settings where name = 'idle_session_timeout')`,
    [String(lockTimeoutMs)],
  );
}
