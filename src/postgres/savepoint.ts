/** Runs work inside a transaction whose failure does not fail the transaction. */
import type { Session } from "./session.js";

/**
 * @param expected SQLSTATEs, or classes of them; other errors are rethrown
 * @returns `null` if it failed as expected; its changes are rolled back
 */
export async function orUndone<T>(
  session: Session,
  work: () => Promise<T>,
  expected: readonly string[],
): Promise<T | null> {
  await session.query("savepoint undone");
  try {
    const result = await work();
    await session.query("release savepoint undone");
    return result;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (!expected.some((one) => code.startsWith(one))) throw error;
    await session.query("rollback to savepoint undone; release savepoint undone");
    return null;
  }
}
