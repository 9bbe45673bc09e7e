/** A file as parquet-wasm sees it: ranges of bytes, read through the store's handle. */
import type { Field } from "apache-arrow";
import { ParquetFile, wasmMemory } from "parquet-wasm";
import { DataError, NightshiftError } from "../../errors.js";
import type { ReadHandle } from "../../store.js";
import { type CField, readCSchema, UnsupportedType } from "./c-schema.js";
import { corrupt, type Footer } from "./footer.js";
import { hintInt96 } from "./int96.js";
import { leanFooter } from "./lean-footer.js";

export interface OpenFile {
  readonly file: ParquetFile;
  /** The columns as they will be decoded, which the footer alone does not tell. */
  readonly fields: readonly Field[];
  /** The store's own error behind a failed read: the decoder only says that reading failed. */
  readonly storeError: () => NightshiftError | null;
}

/**
 * Opens a file whose footer was read and checked. A footer that parquet-wasm refuses is offered once more with nothing
 * but what decoding needs: writers leave optional fields that break newer readers.
 * @throws DataError `data.corrupt`, `data.unsupported`
 */
export async function openWasmFile(handle: ReadHandle, footer: Footer): Promise<OpenFile> {
  const open = await openRefused(handle, footer);
  const hinted = hintInt96(footer, open.fields);
  if (hinted === null) return open;
  open.file.free();
  return openOver(handle, footer, leanFooter(hinted));
}

async function openRefused(handle: ReadHandle, footer: Footer): Promise<OpenFile> {
  try {
    return await openOver(handle, footer, null);
  } catch (refusal) {
    if (refusal instanceof NightshiftError && refusal.code !== refused) throw refusal;
    return openOver(handle, footer, leanFooter(footer.root)).catch(() => {
      throw refusal;
    });
  }
}

const refused = "data.corrupt";

/** @param newFooter read in place of the file's own */
async function openOver(handle: ReadHandle, footer: Footer, newFooter: Uint8Array | null): Promise<OpenFile> {
  const overlay = newFooter === null ? null : { start: footer.start, bytes: newFooter };
  const size = overlay === null ? handle.size : overlay.start + overlay.bytes.byteLength;
  const ranges = byteRanges(handle, size, overlay);
  try {
    const file = await ParquetFile.fromFile(ranges.blob);
    return { file, fields: readFields(handle.path, file), storeError: ranges.error };
  } catch (error) {
    throw (
      ranges.error() ??
      (error instanceof NightshiftError ? error : corrupt(handle.path, reasonOf(error), error))
    );
  }
}

function readFields(path: string, file: ParquetFile): readonly Field[] {
  const ffi = file.schema().intoFFI();
  try {
    return readShape(path, wasmMemory().buffer, ffi.addr()).children.map((child) => child.field);
  } finally {
    ffi.free();
  }
}

/** @throws DataError `data.unsupported` */
export function readShape(path: string, memory: ArrayBuffer, address: number): CField {
  try {
    return readCSchema(memory, address);
  } catch (error) {
    if (!(error instanceof UnsupportedType)) throw error;
    throw new DataError("data.unsupported", `${path}: ${error.message}`, {
      hint: "Write the column as another type.",
      details: { file: path, column: error.column },
      cause: error,
    });
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
