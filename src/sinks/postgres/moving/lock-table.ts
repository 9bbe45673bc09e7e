/**
 * Takes a table for its own transaction without holding up others: a lock that waits makes every later reader wait behind
 * it. So it is asked for again and again, each time for a moment, with pauses in which those readers pass.
 */
import { InfraError } from "../../../errors.js";
import { quoteTable } from "../../../postgres/identifiers.js";
import { orUndone } from "../../../postgres/savepoint.js";
import type { Session } from "../../../postgres/session.js";
import type { QualifiedName } from "./replica.js";

export interface LockWaits {
  /** For how long all tries together last, their pauses included. */
  readonly limitMs: number;
  /** Called once for the sessions that are waited for, with a line for people. */
  readonly onWait: (text: string) => void;
}

/** Each try holds up others for that long at the most. */
const tryMs = 1_000;
/** Readers that came meanwhile pass. */
const pauseMs = 1_000;
const isLocked = "55P03";

interface Holder {
  readonly pid: number;
  readonly user: string | null;
  readonly application: string | null;
  /** ISO 8601; `null`: this role may not see it. */
  readonly queryStart: string | null;
}

/**
 * Locks the tables, without what hangs below them, until the transaction ends.
 * @throws InfraError `infra.locked` with the sessions in the way
 */
export async function lockAlone(
  session: Session,
  tables: readonly QualifiedName[],
  { limitMs, onWait }: LockWaits,
): Promise<void> {
  const places = tables.map((table) => quoteTable(table));
  const tries = Math.max(1, Math.round(limitMs / (tryMs + pauseMs)));
  const { rows } = await session.query<{ before: string }>(
    "select current_setting('lock_timeout') as before, set_config('lock_timeout', $1, true)",
    [String(Math.min(tryMs, limitMs))],
  );
  let told = "";
  for (let nth = 1; ; nth++) {
    const statement = `lock table ${places.map((place) => `only ${place}`).join(", ")} in access exclusive mode`;
    if ((await orUndone(session, () => session.query(statement), [isLocked])) !== null) break;
    const holders = await holdersOf(session, places);
    if (nth === tries) throw locked(places, holders, limitMs);
    const pids = holders.map(({ pid }) => pid).join(" ");
    if (pids !== "" && pids !== told) onWait(waitsFor(places, holders, limitMs));
    if (pids !== "") told = pids;
    await session.query("select pg_sleep($1)", [pauseMs / 1000]);
  }
  await session.query("select set_config('lock_timeout', $1, true)", [rows[0]?.before]);
}

async function holdersOf(session: Session, places: readonly string[]): Promise<readonly Holder[]> {
  const { rows } = await session.query<Holder>(
    `select distinct a.pid, a.usename::text as "user", nullif(a.application_name, '') as application,
            to_char(a.query_start at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "queryStart"
     from pg_locks l join pg_stat_activity a on a.pid = l.pid
     where l.locktype = 'relation' and l.granted and l.pid <> pg_backend_pid()
       and l.database = (select oid from pg_database where datname = current_database())
       and l.relation in (select to_regclass(place) from unnest($1::text[]) place)
     order by a.pid`,
    [places],
  );
  return rows;
}

function waitsFor(places: readonly string[], holders: readonly Holder[], limitMs: number): string {
  return `publishing waits for ${holders.map(textOf).join(", ")}, which uses ${places.join(" or ")}; it is tried for ${limitMs / 1000} s, and other readers wait for ${tryMs / 1000} s at a time at the most`;
}

function textOf({ pid, user, application, queryStart }: Holder): string {
  const about = [user, application].filter((part) => part !== null).join(", ");
  return `session ${pid} (${about === "" ? "not visible to this role" : about}; its query began ${queryStart ?? "at a time that this role may not see"})`;
}

function locked(places: readonly string[], holders: readonly Holder[], limitMs: number): InfraError {
  const [first] = holders;
  const who = first === undefined ? "another session" : holders.map(textOf).join(", ");
  const end = first === undefined ? "" : `, or end it with select pg_terminate_backend(${first.pid})`;
  return new InfraError(
    "infra.locked",
    `${places.join(", ")}: ${who} held a lock for ${limitMs / 1000} s, so nothing was published.`,
    {
      hint: `Wait until that session is done${end}; then run nightshift retry: what was staged is kept.`,
      details: { tables: [...places], sessions: holders.map((holder) => ({ ...holder })) },
    },
  );
}
