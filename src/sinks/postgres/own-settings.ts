/** Settings that our own statements need, whatever a role or a database has them at. */
import type { Session } from "../../postgres/session.js";

/**
 * For the session's rest. Who comes second in a race is told so by `on conflict`: under a stricter isolation it would be an
 * error. Times are passed on as texts: other styles than ISO name zones that mean others when they are read. A session
 * waits for the model between two chunks, however long that takes: it must not be ended as idle (from PostgreSQL 14 on).
 */
export async function ownSettings(session: Session, lockTimeoutMs: number): Promise<void> {
  await session.query(
    `select set_config('lock_timeout', $1, false), set_config('datestyle', 'ISO', false),
            set_config('default_transaction_isolation', 'read committed', false),
            (select set_config(name, '0', false) from pg_settings where name = 'idle_session_timeout')`,
    [String(lockTimeoutMs)],
  );
}
