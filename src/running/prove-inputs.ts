/**
 * Proves, before a run is published, that all its slices of an input file were read from one state of the
 * file. It costs nothing unless the ctime of a file changed during the run: then a worker host compares the
 * bytes that were read with the file.
 */
import { DataError } from "../errors.js";
import type { ProveCall } from "../host/host.js";
import { inputKind } from "../job/input.js";
import type { FileSlice, ProvenFile, ReadSlice, Receipt } from "../job/partition.js";
import type { Plan } from "../job/plan.js";
import type { Ledger } from "../ledgers/ledger.js";

/** Compares slices in a worker host. @throws DataError `source.changed` */
export type ProveSlices = (
  call: ProveCall,
  options: { readonly signal: AbortSignal; readonly deadlineMs: number },
) => Promise<readonly ProvenFile[]>;

export interface ProofParts {
  readonly ledger: Pick<Ledger, "loadTask">;
  readonly proveSlices: ProveSlices;
  readonly signal: AbortSignal;
}

/** @throws DataError `source.changed` if rows may come from two states of a file */
export async function proveInputs(
  plan: Plan,
  receipts: readonly Receipt[],
  parts: ProofParts,
): Promise<void> {
  if (!inputKind(plan.job.input).pinsFiles) return;
  const doubtful = await doubtfulFiles(receipts, parts);
  if (doubtful.size === 0) return;
  const { job, mapping, inputSchema: schema, profile } = plan;
  const asked = { input: job.input, columns: mapping.reads, schema, chunkRows: profile.chunkRows };
  const options = { signal: parts.signal, deadlineMs: job.limits.partitionTimeoutMs };
  const states = new Map<string, string>();
  for (const receipt of receipts) {
    const slices = (await slicesOf(receipt, parts))
      .filter(({ slice }) => doubtful.has(slice.file.path))
      .map(({ slice, read }) => ({ slice, digest: read?.digest ?? null }));
    if (slices.length === 0) continue;
    for (const { path, ctimeNs } of await parts.proveSlices({ ...asked, slices }, options)) {
      // Slices that are proved one after the other must be proved for one state.
      if ((states.get(path) ?? ctimeNs) !== ctimeNs) throw stillChanging(path);
      states.set(path, ctimeNs);
    }
  }
}

/**
 * Returns files whose ctime changed before a slice of them was read completely, and files of receipts without
 * this information.
 */
async function doubtfulFiles(receipts: readonly Receipt[], parts: ProofParts): Promise<ReadonlySet<string>> {
  const doubtful = new Set<string>();
  for (const receipt of receipts) {
    if (receipt.slices?.every(({ moved }) => moved !== true)) continue;
    for (const { slice, read } of await slicesOf(receipt, parts)) {
      // A plan without a ctime is from an earlier version and cannot be checked.
      const isUnknown = read === undefined && slice.file.ctimeNs !== undefined;
      if (isUnknown || read?.moved === true) doubtful.add(slice.file.path);
    }
  }
  return doubtful;
}

async function slicesOf(
  { ref, slices }: Receipt,
  { ledger }: ProofParts,
): Promise<readonly { readonly slice: FileSlice; readonly read: ReadSlice | undefined }[]> {
  const { partition, plan } = await ledger.loadTask(ref);
  const { input } = plan.job;
  return inputKind(input)
    .slicesOf(partition)
    .map((slice, index) => ({ slice, read: slices?.[index] }));
}

function stillChanging(path: string): DataError {
  return new DataError(
    "source.changed",
    `${path} keeps changing while the run compares it with what it read`,
    {
      hint: "Retry once nothing writes to the file or changes its attributes.",
      details: { file: path },
    },
  );
}
