/**
 * Tells a server that works from a connection of which only one half is left, over which no answer will ever come: a
 * statement may take minutes, and TCP believes in a lost peer for a quarter of an hour. Where a statement's session has
 * been silent for a while, the server is asked over another connection what that session does. If it does nothing, or is
 * gone, its answer was lost or the statement never came, and the connection is cut: whoever waits is told that it was lost.
 */
import type { ConnectionUrl } from "../job/connection.js";
import { endSession, openSession, type Session, socketOf } from "./session.js";

export interface SilenceOptions {
  readonly url: ConnectionUrl;
  /** How long a session that is waited for may say nothing before the server is asked about it. */
  readonly patienceMs: number;
  /** The session was cut. */
  readonly onCut: () => void;
}

/** `unknown`: the server does not answer, or a pooler stands between, whose numbers are not the server's. */
type Activity = "works" | "idle" | "unknown";

/** What node-postgres has, and its types do not tell. */
interface Inside {
  readonly readyForQuery: boolean;
  readonly processID: number | null;
}

/** A server that works is not asked about it again at once. */
const patienceWhileItWorks = 3;

/** Until the session ends. */
export function watchSilence(session: Session, { url, patienceMs, onCut }: SilenceOptions): void {
  const socket = socketOf(session);
  const lookEveryMs = Math.ceil(patienceMs / 4);
  let seenBytes = -1;
  let silentMs = 0;
  let allowedMs = patienceMs;
  let isAsking = false;

  function look(): void {
    const { bytesRead, bytesWritten } = socket;
    const bytes = bytesRead + bytesWritten;
    if (inside(session).readyForQuery || bytes !== seenBytes) {
      seenBytes = bytes;
      silentMs = 0;
      allowedMs = patienceMs;
      return;
    }
    silentMs += lookEveryMs;
    if (silentMs >= allowedMs && !isAsking) void ask(bytes);
  }

  async function ask(bytes: number): Promise<void> {
    isAsking = true;
    const activity = await activityOf(session, url);
    // An answer may have been on its way when the server was asked.
    if (activity === "idle") await passed(lookEveryMs);
    const isSilent = socket.bytesRead + socket.bytesWritten === bytes && !inside(session).readyForQuery;
    if (activity === "idle" && isSilent) {
      onCut();
      socket.destroy(new Error("Connection terminated: nothing came over it any more"));
    }
    allowedMs = silentMs + (activity === "works" ? patienceWhileItWorks : 1) * patienceMs;
    isAsking = false;
  }

  const timer = setInterval(look, lookEveryMs);
  timer.unref();
  session.once("end", () => clearInterval(timer));
}

async function activityOf(session: Session, url: ConnectionUrl): Promise<Activity> {
  const { processID } = inside(session);
  try {
    const side = await openSession(url, { role: "watch", retryDelaysMs: [] });
    // Whoever asks may be cut off, too.
    const timer = setTimeout(() => socketOf(side).destroy(), answerWithinMs);
    try {
      const { rows } = await side.query<{ own: number; state: string | null }>(
        "select pg_backend_pid() as own, (select state from pg_stat_activity where pid = $1) as state",
        [processID],
      );
      const [row] = rows;
      if (row === undefined || row.own !== inside(side).processID) return "unknown";
      if (row.state === null || row.state.startsWith("idle")) return "idle";
      return row.state === "active" ? "works" : "unknown";
    } finally {
      clearTimeout(timer);
      void endSession(side);
    }
  } catch {
    return "unknown";
  }
}

const answerWithinMs = 5_000;

function inside(session: Session): Inside {
  return session as unknown as Inside;
}

function passed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
