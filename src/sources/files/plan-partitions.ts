/**
 * Divides files into partitions: a pure function of sizes. A partition is a sequence of row groups in input
 * order, from one file or from several small ones.
 */
import type { FileSlice, PinnedFile } from "../../job/partition.js";
import type { FilesPartition } from "./files-input.js";

export interface SizedFile {
  readonly file: PinnedFile;
  readonly rowGroups: readonly GroupSize[];
}

export interface GroupSize {
  readonly rows: number;
  /** Decoded size of the columns that are read. */
  readonly bytes: number;
  /** Bytes that a thread holds while it reads the group. */
  readonly heldBytes: number;
}

export interface Sizing {
  readonly partitionRows: number | "auto";
  readonly minPartitions: number;
  /** Totals of all files; row groups without rows are not counted. */
  readonly totals: { readonly rows: number; readonly rowGroups: number };
}

/**
 * A partition is about a second of work, which a retry repeats, and its output is one small part file. Only
 * the rows that a thread gathers before encoding grow with a partition, so memory use is independent of the
 * amount of data.
 */
const autoRows = 131_072;
const autoBytes = 256 * 1024 * 1024;
/** Keeps the plan's record of a partition small regardless of the files. */
const maxSlices = 1000;

/**
 * Streams partitions; holds one at a time. A row group is never split, so a group larger than the limits is a
 * partition of its own. Sizes are balanced by dividing the remaining rows by the remaining partitions.
 */
export async function* planPartitions(
  files: AsyncIterable<SizedFile> | Iterable<SizedFile>,
  sizing: Sizing,
): AsyncGenerator<FilesPartition> {
  const limits = limitsOf(sizing);
  let left = sizing.totals;
  let open: OpenPartition = emptyPartition(0);
  for await (const { file, rowGroups } of files) {
    let firstRow = 0;
    for (const [rowGroup, size] of rowGroups.entries()) {
      if (size.rows > 0) {
        if (closesBefore(open, size, left, limits)) {
          yield close(open);
          open = emptyPartition(open.index + 1);
        }
        add(open, { file, rowGroup, firstRow, size });
        left = { rows: left.rows - size.rows, rowGroups: left.rowGroups - 1 };
      }
      firstRow += size.rows;
    }
  }
  if (open.rows > 0) yield close(open);
}

interface Limits {
  readonly partitions: number;
  readonly rows: number;
  readonly bytes: number;
}

/** A row limit set by the user takes precedence over keeping all threads busy. */
function limitsOf({ partitionRows, minPartitions, totals }: Sizing): Limits {
  if (partitionRows !== "auto")
    return {
      partitions: Math.ceil(totals.rows / partitionRows),
      rows: partitionRows,
      bytes: Number.POSITIVE_INFINITY,
    };
  return {
    partitions: Math.max(minPartitions, Math.ceil(totals.rows / autoRows)),
    rows: autoRows,
    bytes: autoBytes,
  };
}

interface OpenPartition {
  readonly index: number;
  rows: number;
  bytes: number;
  peakBytes: number;
  readonly slices: FileSlice[];
}

function emptyPartition(index: number): OpenPartition {
  return { index, rows: 0, bytes: 0, peakBytes: 0, slices: [] };
}

/** @param left totals that are not in any partition yet, including the next group */
function closesBefore(open: OpenPartition, next: GroupSize, left: Sizing["totals"], limits: Limits): boolean {
  if (open.rows === 0) return false;
  if (open.slices.length >= maxSlices) return true;
  if (open.rows + next.rows > limits.rows || open.bytes + next.bytes > limits.bytes) return true;
  const partitionsLeft = Math.max(1, limits.partitions - open.index);
  // Every remaining row group is needed to fill the partitions after this one.
  if (left.rowGroups <= partitionsLeft - 1) return true;
  const share = (open.rows + left.rows) / partitionsLeft;
  // Adding the group would exceed the share by more than leaving it out falls short of it.
  return open.rows + next.rows / 2 > share;
}

interface PlacedGroup {
  readonly file: PinnedFile;
  readonly rowGroup: number;
  /** Row number in the file. */
  readonly firstRow: number;
  readonly size: GroupSize;
}

function add(open: OpenPartition, { file, rowGroup, firstRow, size }: PlacedGroup): void {
  open.rows += size.rows;
  open.bytes += size.bytes;
  open.peakBytes = Math.max(open.peakBytes, size.heldBytes);
  const last = open.slices.at(-1);
  if (last?.file === file && last.rowGroupEnd === rowGroup)
    open.slices[open.slices.length - 1] = { ...last, rowGroupEnd: rowGroup + 1, rows: last.rows + size.rows };
  else
    open.slices.push({ file, rowGroupStart: rowGroup, rowGroupEnd: rowGroup + 1, firstRow, rows: size.rows });
}

function close({ index, rows, bytes, peakBytes, slices }: OpenPartition): FilesPartition {
  return { index, rows, bytes, peakBytes, slices };
}
