/** parquet-wasm over excerpts: bytes in, views of its memory out. Everything here is synchronous, so that it can fail. */
import { readParquet, type Table } from "parquet-wasm";

export function decode(excerpt: Uint8Array, batchRows: number): Table {
  return readParquet(excerpt, { batchSize: batchRows });
}

/** What the decoder said, without its own prefixes. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // A trap of WebAssembly: a bug of the decoder, or its memory is used up.
  if (error.name === "RuntimeError") return `the decoder broke off (${error.message})`;
  const prefixes = /^((Parquet error|Parquet argument error|Arrow error|External): )+/;
  return error.message.replace(prefixes, "").replace(/\.?\s*$/, "");
}
