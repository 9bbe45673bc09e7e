import type { PathTypes } from "../../data/column.js";
import type { InputSpec } from "../../job/input.js";
import type { FileSlice, Partition } from "../../job/partition.js";

/** An input of local files. */
export interface FilesInput extends InputSpec {
  readonly kind: "files";
  /** Files, globs or directories. */
  readonly from: readonly string[];
  /** Read files that belong to a table format as they are: the author named those that are live. */
  readonly plainFiles?: true;
  /** What a column is in files that do not have it, where others do. Absent: `fail`. */
  readonly missingColumns?: "fail" | "nulls";
  /** Types of columns that paths carry; the others are text unless a feature asks for another type. */
  readonly pathTypes?: PathTypes;
}

/** As plans store it since version 0.1. */
export interface FilesPartition extends Partition {
  readonly slices: readonly FileSlice[];
}
