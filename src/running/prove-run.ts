/** Proves that the accepted partitions are the whole run, before it is published. */
import { BugError } from "../errors.js";
import { type Receipt, type RowCounts, rowsIn, sumRows } from "../job/partition.js";
import type { Plan } from "../job/plan.js";
import type { Ledger } from "../ledgers/ledger.js";
import { type Reasons, sumReasons } from "../scoring/row-policy.js";
import { type ProofParts, proveInputs } from "./prove-inputs.js";

export interface ProvenRun {
  readonly rows: RowCounts;
  readonly reasons: Reasons;
}

/**
 * @throws BugError `bug.conservation` if rows are missing or counted twice
 * @throws DataError `source.changed` if rows may come from two states of an input file
 */
export async function proveRun(
  runId: string,
  plan: Plan,
  parts: ProofParts & { readonly ledger: Pick<Ledger, "listPartitions"> },
): Promise<ProvenRun> {
  const receipts: Receipt[] = [];
  for await (const { receipt } of parts.ledger.listPartitions(runId))
    if (receipt !== null) receipts.push(receipt);
  const rows = proveConserved(plan, receipts);
  await proveInputs(plan, receipts, parts);
  return { rows, reasons: sumReasons(receipts.map((receipt) => receipt.reasons)) };
}

/**
 * The conservation law: input rows = predicted + quarantined + filtered. Input rows come from the plan's
 * footers or from the database's own count, output rows from the staged data as counted again by the
 * attempts.
 */
function proveConserved(plan: Plan, receipts: readonly Receipt[]): RowCounts {
  const rows = sumRows(receipts.map((receipt) => receipt.rows));
  const counted = rowsIn(plan.totals, receipts);
  if (counted === rows.predicted + rows.quarantined + rows.filtered && counted === rows.read) return rows;
  const whose = plan.totals.rowsEstimated === true ? "sent by the database" : "in the inputs' footers";
  throw new BugError(
    "bug.conservation",
    `Rows do not add up, so nothing is published: ${counted ?? "an unknown number"} ${whose}, ${rows.read} read, ` +
      `${rows.predicted} predicted + ${rows.quarantined} quarantined + ${rows.filtered} filtered.`,
    { details: { planned: counted, ...rows } },
  );
}
