/** A file as parquet-wasm sees it: ranges of bytes, read through the store's handle. */
import { ParquetFile } from "parquet-wasm";
import { DataError, NightshiftError } from "../../errors.js";
import type { ReadHandle } from "../../store.js";
import { corrupt, type Footer } from "./footer.js";
import { leanFooter } from "./lean-footer.js";

export interface OpenFile {
  readonly file: ParquetFile;
  /** The store's own error behind a failed read: the decoder only says that reading failed. */
  readonly storeError: () => NightshiftError | null;
}

/**
 * Opens a file whose footer was read and checked. A footer that parquet-wasm refuses is offered once more with nothing
 * but what decoding needs: writers leave optional fields that break newer readers.
 * @throws DataError `data.corrupt`
 */
export async function openWasmFile(handle: ReadHandle, footer: Footer): Promise<OpenFile> {
  const plain = byteRanges(handle, handle.size, null);
  try {
    return { file: await ParquetFile.fromFile(plain.blob), storeError: plain.error };
  } catch (error) {
    const failed = plain.error();
    if (failed !== null) throw failed;
    return openLean(handle, footer, error);
  }
}

async function openLean(handle: ReadHandle, footer: Footer, refusal: unknown): Promise<OpenFile> {
  const bytes = leanFooter(footer.root);
  const lean = byteRanges(handle, footer.start + bytes.byteLength, { start: footer.start, bytes });
  try {
    return { file: await ParquetFile.fromFile(lean.blob), storeError: lean.error };
  } catch {
    throw lean.error() ?? corrupt(handle.path, reasonOf(refusal), refusal);
  }
}

/** What the decoder said, without its own prefixes. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/^(Error: |Parquet error: |Arrow error: |External: )+/, "").replace(/\.?\s*$/, "");
}

export function decodeError(path: string, rowGroup: number, error: unknown): DataError {
  return new DataError(
    "data.corrupt",
    `${path} cannot be decoded: row group ${rowGroup}: ${reasonOf(error)}`,
    {
      hint: "Write the file again, or leave it out of the input.",
      details: { file: path, rowGroup },
      cause: error,
    },
  );
}

interface Overlay {
  readonly start: number;
  readonly bytes: Uint8Array;
}

/** The part of `Blob` that parquet-wasm calls. Several times faster than `fs.openAsBlob` where reads are synchronous. */
function byteRanges(
  handle: ReadHandle,
  size: number,
  overlay: Overlay | null,
): { readonly blob: Blob; readonly error: () => NightshiftError | null } {
  let failed: NightshiftError | null = null;
  const range = (start: number, end: number) => ({
    size: end - start,
    type: "",
    slice: (from = 0, to = end - start) => range(start + from, Math.min(end, start + to)),
    arrayBuffer: async (): Promise<ArrayBuffer> => {
      try {
        return wholeBuffer(await readOver(handle, start, end, overlay));
      } catch (error) {
        if (error instanceof NightshiftError) failed = error;
        throw error;
      }
    },
  });
  return { blob: range(0, size) as unknown as Blob, error: () => failed };
}

async function readOver(
  handle: ReadHandle,
  start: number,
  end: number,
  overlay: Overlay | null,
): Promise<Uint8Array> {
  const split = overlay === null ? end : Math.min(end, Math.max(start, overlay.start));
  const below =
    handle.readSync === undefined ? await handle.read(start, split) : handle.readSync(start, split);
  if (overlay === null || split === end) return below;
  const joined = new Uint8Array(end - start);
  joined.set(below);
  joined.set(overlay.bytes.subarray(split - overlay.start, end - overlay.start), split - start);
  return joined;
}

function wholeBuffer(bytes: Uint8Array): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = bytes;
  if (buffer instanceof ArrayBuffer && byteOffset === 0 && byteLength === buffer.byteLength) return buffer;
  return new Uint8Array(bytes).buffer;
}
