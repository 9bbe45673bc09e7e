/** Runs one COPY into a table with backpressure from the server. No data is ever sent twice. */
import { once } from "node:events";
import { from } from "pg-copy-streams";
import type { Session } from "../../../postgres/session.js";
import { copyHeader, copyTrailer } from "./rows.js";

/**
 * @param into a table with its columns, quoted
 * @returns the number of rows that the server counted
 */
export async function copyIn(session: Session, into: string, pieces: Iterable<Buffer>): Promise<number> {
  const stream = session.query(from(`copy ${into} from stdin (format binary)`));
  let failure: unknown = null;
  const failed = new Promise<never>((_, reject) => {
    stream.once("error", (error) => {
      failure = error;
      reject(error);
    });
  });
  failed.catch(() => undefined);
  const write = async (bytes: Buffer): Promise<void> => {
    if (!stream.write(bytes)) await Promise.race([once(stream, "drain"), failed]);
    if (failure !== null) throw failure;
  };
  try {
    await write(copyHeader);
    for (const piece of pieces) await write(piece);
    stream.end(copyTrailer);
    await Promise.race([once(stream, "finish"), failed]);
    return stream.rowCount;
  } catch (error) {
    // Aborts the COPY on the server, unless the session is gone.
    if (failure === null)
      await new Promise<void>((resolve) => stream.destroy(asError(error)).once("close", resolve));
    throw error;
  }
}

function asError(thrown: unknown): Error {
  // The server logs this text, so it must not contain values of rows.
  return new Error(thrown instanceof Error ? thrown.name : "interrupted");
}
