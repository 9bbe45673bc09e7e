/** Returns estimates of the server's own planner for a query. The query is not run. */
import type { Session } from "../../postgres/session.js";
import { runAuthorStatement } from "./author-statement.js";
import type { Statement } from "./input-sql.js";

export interface Estimate {
  readonly rows: number;
  /** Bytes of an average row. */
  readonly rowBytes: number;
  /** In the planner's own units. */
  readonly cost: number;
}

interface Explained {
  readonly Plan: {
    readonly "Plan Rows": number;
    readonly "Plan Width": number;
    readonly "Total Cost": number;
  };
}

export async function estimate(session: Session, { text, values }: Statement): Promise<Estimate> {
  const { rows } = await runAuthorStatement<{ "QUERY PLAN": readonly Explained[] }>(
    session,
    `explain (format json) ${text}`,
    values,
  );
  const plan = rows[0]?.["QUERY PLAN"][0]?.Plan;
  return {
    rows: plan?.["Plan Rows"] ?? 0,
    rowBytes: plan?.["Plan Width"] ?? 0,
    cost: plan?.["Total Cost"] ?? 0,
  };
}

/** Whether there is any row, which an estimate cannot determine. */
export async function hasRows(
  session: Session,
  { sql, values }: { readonly sql: string; readonly values: readonly (string | null)[] },
): Promise<boolean> {
  const { rows } = await runAuthorStatement<{ has: boolean }>(
    session,
    `select exists (select from ${sql}) as has`,
    values,
  );
  return rows[0]?.has === true;
}
