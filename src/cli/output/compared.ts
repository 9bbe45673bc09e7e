/** Predictions beside the training library's, for people. Rows are named by their numbers, never by their values. */
import type { ComparedColumn, PlannedCheck } from "../../job/plan.js";
import { count, counted } from "../../text/human.js";
import { renderTable, type TableOptions } from "./table.js";

/** A line for each column. */
export function comparedTable(columns: readonly ComparedColumn[], options: TableOptions): string {
  return renderTable(
    [
      { title: "column" },
      { title: "rows", align: "right" },
      { title: "wrong", align: "right" },
      { title: "ties", align: "right" },
      { title: "worst difference", align: "right" },
      { title: "first wrong rows" },
    ],
    columns.map(({ column, rows, different, ties, worst, firstRows }) => [
      column,
      count(rows),
      count(different),
      count(ties),
      worst === null ? "label" : differenceSize(worst),
      firstRows.join(", "),
    ]),
    options,
  );
}

/** What was the same, in a few words. */
export function agreementText({ columns }: PlannedCheck): string {
  const labels = columns.filter(({ worst }) => worst === null).length;
  const worst = columns.flatMap((column) => (column.worst === null ? [] : [column.worst]));
  const ties = columns.reduce((sum, column) => sum + column.ties, 0);
  return [
    ...(labels === 0 ? [] : [ties === 0 ? "labels equal" : `labels equal but for ${counted(ties, "tie")}`]),
    ...(worst.length === 0 ? [] : [`worst difference ${differenceSize(Math.max(...worst))}`]),
  ].join(", ");
}

/** A difference divided by max(1, |expected|). */
function differenceSize(difference: number): string {
  return difference === 0 ? "0" : difference.toExponential(1);
}
