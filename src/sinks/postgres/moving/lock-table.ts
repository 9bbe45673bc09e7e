/**
 * Takes a table for its own transaction without holding up others: a lock that waits makes every later reader wait behind
 * it. So it is asked for again and again, each time for a moment, with pauses in which those readers pass.
 */
import { InfraError } from "../../../errors.js";
import { quoteTable, quoteText } from "../../../postgres/identifiers.js";
import { orUndone } from "../../../postgres/savepoint.js";
import type { Session } from "../../../postgres/session.js";
import type { QualifiedName } from "./replica.js";

export interface LockWaits {
  /** What the locks are for. */
  readonly purpose: "publishing" | "rolling back";
  /** For how long all tries together last, their pauses included. */
  readonly limitMs: number;
  /** Called once for the sessions that are waited for, with a line for people. */
  readonly onWait: (text: string) => void;
}

/**
 * Each try holds up others for that long at the most. It is longer than `deadlock_timeout` by default (1 s): only after that
 * does the server end an autovacuum that is in the way.
 */
const tryMs = 1_500;
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
 * Locks the tables, without what hangs below them, until the transaction ends. A transaction calls this once, with all that
 * it needs: a lock that it has already is not given back between two tries. A partitioned table comes before its partitions,
 * as readers lock them.
 * @throws InfraError `infra.locked` with the sessions in the way
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

/** `lock_timeout` holds for each table alone: for all of them together, each has what those before it left. */
function lockStatement(places: readonly string[], forMs: number): string {
  const names = places.map(quoteText).join(", ");
  // The body's quotes must not occur in it: a name of a table may hold anything.
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
  return `${purpose} waits for ${holders.map(textOf).join(", ")}, which uses ${places.join(" or ")}; it is tried for ${limitMs / 1000} s, and other readers wait for ${tryMs / 1000} s at a time at the most`;
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
      hint: `Wait until that session is done${end}; then ${purpose === "publishing" ? "run nightshift retry: what was staged is kept" : "roll back again"}.`,
      details: { tables: [...places], sessions: holders.map((holder) => ({ ...holder })) },
    },
  );
}
