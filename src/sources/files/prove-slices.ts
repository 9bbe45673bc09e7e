/**
 * Proves that files still have the bytes that slices of them were read from. Size and mtime can be restored
 * after a write. ctime cannot, but it also changes with `chmod` and hard links. So the bytes of slices are
 * compared, without decoding.
 */
import { setImmediate } from "node:timers/promises";
import { CancelledError } from "../../errors.js";
import type { Format } from "../../formats/format.js";
import type { FileSlice, ProvenFile, SliceProof } from "../../job/partition.js";
import type { ReadHandle, Store } from "../../stores/store.js";
import type { SourceReadRequest } from "../source.js";
import { changed, checkIdentity, hasMoved, rewritten } from "./pinned-file.js";
import { columnsOf } from "./slice-columns.js";
import { SliceDigest } from "./slice-digest.js";

interface ProofParts {
  readonly store: Store;
  readonly format: Format;
  readonly request: SourceReadRequest;
  readonly signal: AbortSignal;
}

export async function proveSlices(
  proofs: readonly SliceProof[],
  parts: ProofParts,
): Promise<readonly ProvenFile[]> {
  const proven: ProvenFile[] = [];
  for (const proof of proofs) proven.push(await proveSlice(proof, parts));
  return proven;
}

async function proveSlice({ slice, digest }: SliceProof, parts: ProofParts): Promise<ProvenFile> {
  const { file } = slice;
  const { path } = file;
  const found = checkIdentity(file, await parts.store.stat(path));
  const { ctimeNs } = found;
  // The file was not touched: every slice was read from the planned state.
  if (!hasMoved(file, found)) return { path, ctimeNs };
  if (digest === null)
    throw rewritten(path, "it may have been written to, by a version that kept no digest of what it read");
  const handle = await parts.store.open(path);
  try {
    if ((await digestOf(handle, slice, parts)) !== digest) throw rewritten(path, "it was written to");
  } finally {
    await handle.close();
  }
  const now = checkIdentity(file, await parts.store.stat(path));
  if (now.ctimeNs !== ctimeNs) throw rewritten(path, "it keeps being written to");
  return { path, ctimeNs };
}

async function digestOf(
  handle: ReadHandle,
  slice: FileSlice,
  { format, request, signal }: ProofParts,
): Promise<string> {
  const { file, rowGroupStart, rowGroupEnd } = slice;
  const summary = await format.inspect(handle);
  if (summary.footerSha256 !== file.footerSha256) throw changed(file.path, "its footer differs");
  const { own } = columnsOf(file, summary, request);
  const reader = await format.openReader(handle, summary);
  const digest = new SliceDigest();
  try {
    const groups = { rowGroupStart, rowGroupEnd, columns: own, batchRows: request.chunkRows };
    for await (const bytes of reader.encoded(groups)) {
      digest.add(bytes);
      // Reads are synchronous, so this lets the host handle a cancellation or the loss of its coordinator.
      await setImmediate();
      if (signal.aborted) throw new CancelledError();
    }
  } finally {
    await reader.close();
  }
  return String(digest);
}
