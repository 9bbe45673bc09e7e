/** A footer, told in the words of the format contract. */
import type { Schema } from "../../data/column.js";
import type { ColumnSummary, FileSummary, RowGroupSummary } from "../format.js";
import type { Footer } from "./footer.js";
import type { RowGroup } from "./row-group.js";
import { decodedBytes, heldBytes } from "./sizes.js";
import { readBounds, unknownBounds } from "./statistics.js";

/** @param schema the columns as the decoder hands them out, which is what everybody else will see. */
export function summarize(footer: Footer, schema: Schema): FileSummary {
  const { rows, metadata } = footer;
  let rowGroups: readonly RowGroupSummary[] | null = null;
  return {
    schema,
    rows,
    footerSha256: footer.sha256,
    metadata,
    // A thread that reads its part of a large file never asks for them.
    get rowGroups() {
      rowGroups ??= footer.rowGroups.map((group) => summarizeRowGroup(group, footer, schema));
      return rowGroups;
    },
  };
}

function summarizeRowGroup(group: RowGroup, footer: Footer, schema: Schema): RowGroupSummary {
  const types = new Map(schema.map((column) => [column.name, column.type]));
  const columns: { [column: string]: ColumnSummary } = Object.create(null);
  group.describe().chunks.forEach((chunk, index) => {
    const leaf = footer.leaves[index];
    const type = leaf && types.get(leaf.column);
    if (leaf === undefined || type === undefined) return;
    const bounds = leaf.flat ? readBounds(chunk.statistics, type, leaf) : unknownBounds;
    const before = columns[leaf.column];
    columns[leaf.column] = {
      bytes: (before?.bytes ?? 0) + chunk.uncompressedBytes,
      decodedBytes: (before?.decodedBytes ?? 0) + decodedBytes(chunk, leaf),
      heldBytes: (before?.heldBytes ?? 0) + heldBytes(chunk, leaf),
      ...bounds,
    };
  });
  return { rows: group.rows, columns };
}
