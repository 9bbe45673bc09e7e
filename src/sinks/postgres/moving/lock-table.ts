/**
 * Locks a table exclusively without blocking other sessions for long: a waiting lock request makes every
 * later reader wait behind it. So the lock is requested repeatedly, each time for a moment, with pauses in
 * which those readers can proceed.
 */
import { InfraError } from "../../../errors.js";
import { quoteTable, quoteText } from "../../../postgres/identifiers.js";
import { orUndone } from "../../../postgres/savepoint.js";
import type { Session } from "../../../postgres/session.js";
import type { QualifiedName } from "./replica.js";

export interface LockWaits {
  /** The purpose of the locks. */
  readonly purpose: "publishing" | "rolling back";
  /** Maximum duration of all tries together, including pauses. */
  readonly limitMs: number;
  /** Called once with a message about the sessions that hold the locks. */
  readonly onWait: (text: string) => void;
}

/**
 * Each try blocks other sessions for at most this time. It is longer than the default `deadlock_timeout` (1
 * s): only after that does the server cancel an autovacuum that holds the lock.
 */
const tryMs = 1_500;
/** Waiting readers proceed in this time. */
const pauseMs = 1_000;
const isLocked = "55P03";

interface Holder {
  readonly pid: number;
  readonly user: string | null;
  readonly application: string | null;
  /** ISO 8601; `null` if this role may not see it. */
  readonly queryStart: string | null;
}

/**
 * Locks the tables, without their partitions or children, until the transaction ends. A transaction calls
 * this once with all tables that it needs, because locks that it holds already are not released between two
 * tries. A partitioned table comes before its partitions, in the order in which readers lock them.
 * @throws InfraError `infra.locked` with the sessions that hold the locks
 */
export async function lockAlone(
  session: Session,
  tables: readonly QualifiedName[],
  waits: LockWaits,
): Promise<void> {
  const { limitMs, onWait } = waits;
  const places = tables.map((table) => quoteTable(table));
  const tries = Math.max(1, Math.round(limitMs / (tryMs + pauseMs)));
  const statement = lockStatement(places, Math.min(tryMs, limitMs));
  const { rows } = await session.query<{ before: string }>(
    "select current_setting('lock_timeout') as before",
  );
  let told = "";
  for (let nth = 1; ; nth++) {
    if ((await orUndone(session, () => session.query(statement), [isLocked])) !== null) break;
    const holders = await holdersOf(session, places);
    if (nth === tries) throw locked(places, holders, waits);
    const pids = holders.map(({ pid }) => pid).join(" ");
    if (pids !== "" && pids !== told) onWait(waitsFor(places, holders, waits));
    if (pids !== "") told = pids;
    await session.query("select pg_sleep($1)", [pauseMs / 1000]);
  }
  await session.query("select set_config('lock_timeout', $1, true)", [rows[0]?.before]);
}

/**
 * `lock_timeout` applies to each table separately. For a common limit, each table gets the time that the
 * previous ones have left.
 */
function lockStatement(places: readonly string[], forMs: number): string {
  const names = places.map(quoteText).join(", ");
  // The dollar quotes must not occur in the body, and the name of a table may contain any text.
  let quotes = "$locks$";
  while (names.includes(quotes)) quotes = quotes.replace("$locks", "$locks_");
  return `do ${quotes}
    declare
      place text;
      until constant timestamptz := clock_timestamp() + interval '${forMs} ms';
    begin
      foreach place in array array[${names}] loop
        perform set_config('lock_timeout', greatest(1, ceil(extract(epoch from until - clock_timestamp()) * 1000))::int::text, true);
        execute 'lock table only ' || place || ' in access exclusive mode';
      end loop;
    end ${quotes}`;
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

function waitsFor(
  places: readonly string[],
  holders: readonly Holder[],
  { limitMs, purpose }: LockWaits,
): string {
  return `${purpose} waits for ${holders.map(textOf).join(", ")}, which uses ${places.join(" or ")}; it retries for ${limitMs / 1000} s, and other readers wait for at most ${tryMs / 1000} s at a time`;
}

function textOf({ pid, user, application, queryStart }: Holder): string {
  const about = [user, application].filter((part) => part !== null).join(", ");
  return `session ${pid} (${about === "" ? "not visible to this role" : about}; its query began ${queryStart ?? "at a time that this role may not see"})`;
}

function locked(
  places: readonly string[],
  holders: readonly Holder[],
  { limitMs, purpose }: LockWaits,
): InfraError {
  const [first] = holders;
  const who = first === undefined ? "another session" : holders.map(textOf).join(", ");
  const end = first === undefined ? "" : `, or end it with select pg_terminate_backend(${first.pid})`;
  return new InfraError(
    "infra.locked",
    `${places.join(", ")}: ${who} held a lock for ${limitMs / 1000} s, so nothing was ${purpose === "publishing" ? "published" : "rolled back"}.`,
    {
      hint: `Wait until that session has ended${end}; then ${purpose === "publishing" ? "run nightshift retry: staged rows are kept" : "roll back again"}.`,
      details: { tables: [...places], sessions: holders.map((holder) => ({ ...holder })) },
    },
  );
}
