/** Sent notices, one row each. The primary key decides between processes on any number of machines. */
import type { NewId } from "../../time/clock.js";
import type { NoticeStore } from "../notice-store.js";
import type { LedgerDatabase } from "./ledger-database.js";

const keptDays = 90;

const claimSql = `
  with old as (
    delete from nightshift.ledger_notices where claimed_at < clock_timestamp() - ${keptDays} * interval '1 day'
  )
  insert into nightshift.ledger_notices (notice, change) values ($1, $2) on conflict do nothing returning notice`;

export function noticeStore({ write }: LedgerDatabase, newId: NewId): NoticeStore {
  return {
    async claim(text) {
      const token = newId();
      return write(
        async (query) => (await query(claimSql, [text, token])).length > 0,
        // An earlier try whose answer was lost may have been committed.
        async (query) => {
          const ours = "select 1 from nightshift.ledger_notices where notice = $1 and change = $2";
          return (await query(ours, [text, token])).length > 0 ? true : null;
        },
      );
    },
  };
}
