/**
 * Files to partitions: a pure function over sizes. A partition is a run of row groups in input order, within one file or
 * over several small ones.
 */
import type { FileSlice, PinnedFile } from "../../job/partition.js";
import type { FilesPartition } from "./files-input.js";

export interface SizedFile {
  readonly file: PinnedFile;
  readonly rowGroups: readonly GroupSize[];
}

export interface GroupSize {
  readonly rows: number;
  /** Decoded, of the columns that are read. */
  readonly bytes: number;
  /** What a thread holds while it reads the group. */
  readonly heldBytes: number;
}

export interface Sizing {
  readonly partitionRows: number | "auto";
  readonly minPartitions: number;
  /** Over all files; row groups without rows are not counted. */
  readonly totals: { readonly rows: number; readonly rowGroups: number };
}

/**
 * A partition is about a second of work that a retry repeats, and its output one small part file: what a thread gathers
 * before it is encoded is what grows with a partition, so memory stays the same however much data there is.
 */
const autoRows = 131_072;
const autoBytes = 256 * 1024 * 1024;
/** So that one partition of the plan stays small whatever the files are. */
const maxSlices = 1000;

/**
 * Streams partitions; holds one at a time. A row group is never split, so a group larger than the limits is a partition
 * of its own. Sizes are balanced by sharing what is left over the partitions that are left.
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

/** Rows asked for by a person go before the wish to keep all threads busy. */
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

/** @param left what is not in any partition yet, the next group included */
function closesBefore(open: OpenPartition, next: GroupSize, left: Sizing["totals"], limits: Limits): boolean {
  if (open.rows === 0) return false;
  if (open.slices.length >= maxSlices) return true;
  if (open.rows + next.rows > limits.rows || open.bytes + next.bytes > limits.bytes) return true;
  const partitionsLeft = Math.max(1, limits.partitions - open.index);
  // Every row group that is left is needed to fill the partitions after this one.
  if (left.rowGroups <= partitionsLeft - 1) return true;
  const share = (open.rows + left.rows) / partitionsLeft;
  // Adding the group would overshoot the share by more than leaving it falls short.
  return open.rows + next.rows / 2 > share;
}

interface PlacedGroup {
  readonly file: PinnedFile;
  readonly rowGroup: number;
  /** In the file. */
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
