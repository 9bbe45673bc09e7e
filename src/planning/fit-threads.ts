/** How many threads a run gets: as many as cores, partitions and memory allow. */
import { SpecError } from "../errors.js";
import type { Asset } from "../job/plan.js";
import type { Mapping } from "../mapping/mapping.js";
import type { PartitionTally } from "./partition-tally.js";
import { mebibytes, rowGroupTooLarge, threadBytes } from "./row-group-memory.js";

/** What a worker host takes beside its threads, and how far what it holds is above what it needs at any time. Measured. */
const hostBaseBytes = 100 * 1024 * 1024;
const hostOverhead = 1.2;

/** @throws DataError `data.row-group-too-large` where not even one thread can hold a row group; SpecError `refused.memory` */
export function fitThreads(
  wanted: number,
  tally: PartitionTally,
  heldBytes: number,
  memoryBytes: number,
): { readonly threads: number; readonly note: string | null } {
  const useful = Math.max(1, Math.min(wanted, tally.totals.partitions));
  const neededBytes = threadBytes + heldBytes;
  const fitting = Math.floor(memoryBytes / neededBytes);
  if (memoryBytes < threadBytes) {
    throw new SpecError(
      "refused.memory",
      `a thread needs about ${mebibytes(threadBytes)} before it reads anything; ${mebibytes(memoryBytes)} may be used.`,
      { hint: "Raise limits.memory (score: --memory).", details: { memoryBytes } },
    );
  }
  if (fitting < 1) {
    throw rowGroupTooLarge(tally.peakFile, heldBytes, memoryBytes);
  }
  if (fitting >= useful) return { threads: useful, note: null };
  return {
    threads: fitting,
    note: `Using ${fitting} of ${useful} threads: row groups of ${tally.peakFile} need about ${mebibytes(neededBytes)} each, a worker host with ${fitting} about ${mebibytes(hostBaseBytes + fitting * neededBytes * hostOverhead)}. NIGHTSHIFT_MEMORY says how much may be used.`,
  };
}

/** A map or a list of ids takes several times its file's size once it is looked up in. */
export function heldByFiles(assets: readonly Asset[]): number {
  const read = assets.filter(({ role }) => role === "categories" || role === "ids");
  return read.reduce((bytes, { size }) => bytes + size * 8, 0);
}

/** The best elements of a chunk's rows: places and scores as they come in, and packed with their ids. */
export function heldByLists(outputs: Mapping["outputs"], chunkRows: number): number {
  return outputs.reduce(
    (bytes, binding) => bytes + (binding.kind === "top-k" ? chunkRows * binding.k * 28 : 0),
    0,
  );
}
