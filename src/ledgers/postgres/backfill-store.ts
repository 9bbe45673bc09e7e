/** Unfinished backfills, one row each. */
import type { BackfillStore, Baseline } from "../backfill-store.js";
import type { LedgerDatabase } from "./ledger-database.js";

export function backfillStore({ read, write }: LedgerDatabase): BackfillStore {
  async function find(key: string): Promise<Baseline | null> {
    const [row] = await read<{ baseline: Baseline }>(
      "select baseline from nightshift.ledger_backfills where key = $1",
      [key],
    );
    return row?.baseline ?? null;
  }

  /** Both changes may be repeated. */
  async function change(sql: string, values: readonly unknown[]): Promise<void> {
    await write(
      (query) => query(sql, values),
      async () => null,
    );
  }

  return {
    read: find,
    async begin(key, baseline) {
      await change(
        "insert into nightshift.ledger_backfills (key, baseline) values ($1, $2) on conflict do nothing",
        [key, JSON.stringify(baseline)],
      );
      return (await find(key)) ?? baseline;
    },
    finish: (key) => change("delete from nightshift.ledger_backfills where key = $1", [key]),
  };
}
