/** Runs statements with text of a spec's author: exactly one statement each, regardless of the text. */
import type pg from "pg";
import { SpecError } from "../../errors.js";
import type { Session } from "../../postgres/session.js";

/**
 * Runs a statement through the extended protocol, in which the server parses exactly one. Without values,
 * node-postgres would use the simple protocol, in which `…; drop table …` runs too.
 *
 * @throws SpecError `postgres.several-statements`; native errors
 */
export async function runAuthorStatement<R extends pg.QueryResultRow>(
  session: Session,
  text: string,
  values: readonly (string | null)[],
): Promise<pg.QueryResult<R>> {
  const query = { text, values: [...values], queryMode: "extended" };
  try {
    return await session.query<R>(query);
  } catch (error) {
    throw severalStatements(error) ?? error;
  }
}

/** The server's message may be translated, so its source routine is compared. */
function severalStatements(error: unknown): SpecError | null {
  const { code, routine } = error as { readonly code?: string; readonly routine?: string };
  if (code !== "42601" || routine !== "exec_parse_message") return null;
  return new SpecError("postgres.several-statements", "input.query contains more than one statement.", {
    hint: "Write one SELECT, with balanced parentheses and without a semicolon inside.",
    cause: error,
  });
}
