/**
 * Distinguishes a server that is working from a half-open connection, over which no answer will ever come. A
 * statement may take minutes, and TCP detects a lost peer only after a quarter of an hour. If a session has
 * been silent during a statement for a while, the server is asked over another connection what that session
 * is doing. If it is idle or gone, its answer was lost or the statement never arrived, and the connection is
 * cut: the statement fails as lost.
 */
import type { ConnectionUrl } from "../job/connection.js";
import { endSession, openSession, type Session, socketOf } from "./session.js";

export interface SilenceOptions {
  readonly url: ConnectionUrl;
  /** How long a session may be silent during a statement before the server is asked about it. */
  readonly patienceMs: number;
  /** Called when the session was cut. */
  readonly onCut: () => void;
}

/** `unknown`: the server does not answer, or a pooler in between hides the server's process ids. */
type Activity = "works" | "idle" | "unknown";

/** Fields of node-postgres that its types do not declare. */
interface Inside {
  readonly readyForQuery: boolean;
  readonly processID: number | null;
}

/** Factor on the patience after the server has answered that it is working. */
const patienceWhileItWorks = 3;

/** Watches until the session ends. */
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
    // An answer may have been in transit when the server was asked.
    if (activity === "idle") await passed(lookEveryMs);
    const isSilent = socket.bytesRead + socket.bytesWritten === bytes && !inside(session).readyForQuery;
    if (activity === "idle" && isSilent) {
      onCut();
      socket.destroy(new Error("Connection terminated: it received no answer"));
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
    // The connection that asks may be half open too.
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
