import type { PathTypes } from "../../data/column.js";
import type { InputSpec } from "../../job/input.js";
import type { FileSlice, Partition } from "../../job/partition.js";

/** An input of local files. */
export interface FilesInput extends InputSpec {
  readonly kind: "files";
  /** Files, globs or directories. */
  readonly from: readonly string[];
  /** Read files of a table format as plain files: the author asserts that they are live. */
  readonly plainFiles?: true;
  /** Treatment of a column in files that lack it. Absent: `fail`. */
  readonly missingColumns?: "fail" | "nulls";
  /** Types of columns from paths; the others are text unless a feature requires another type. */
  readonly pathTypes?: PathTypes;
}

/** As plans store it since version 0.1. */
export interface FilesPartition extends Partition {
  readonly slices: readonly FileSlice[];
}
