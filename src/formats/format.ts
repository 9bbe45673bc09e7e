/** A file format: decodes and encodes Arrow. One folder in `formats/` each; it knows no store and no path layout. */
import type { Schema as ArrowSchema, RecordBatch } from "apache-arrow";
import type { Schema } from "../data/column.js";
import type { WriterProfile } from "../job/profile.js";
import type { ReadHandle } from "../stores/store.js";

export interface Format {
  readonly name: string;
  /** Makes ready what writing will need, ahead of the need: in a thread that still waits for its first partition. */
  warm(): void;
  /** Reads a file's footer, decoding no rows. @throws DataError `data.corrupt`, `data.unsupported`, naming the file. */
  inspect(file: ReadHandle): Promise<FileSummary>;
  /** Opens a file for decoding. The summary must be the one of the same bytes. */
  openReader(file: ReadHandle, summary: FileSummary): Promise<FormatReader>;
  createWriter(schema: ArrowSchema, profile: WriterProfile): Promise<FormatWriter>;
  /**
   * Joins finished files of one schema into one without decoding: column chunks are copied, offsets shifted, one footer
   * written. `append` receives the new file's bytes in order. Returns its rows.
   */
  join(parts: readonly ReadHandle[], append: (bytes: Uint8Array) => Promise<void>): Promise<number>;
}

export interface FileSummary {
  readonly schema: Schema;
  readonly rows: number;
  /** SHA-256 of the footer's bytes. */
  readonly footerSha256: string;
  readonly rowGroups: readonly RowGroupSummary[];
  readonly metadata: { readonly [key: string]: string };
}

export interface RowGroupSummary {
  readonly rows: number;
  /** By top-level column: encoded bytes after decompression, and statistics where the writer left them. */
  readonly columns: { readonly [column: string]: ColumnSummary };
}

export interface ColumnSummary {
  /** Encoded, uncompressed. */
  readonly bytes: number;
  /** Estimate of the whole column in Arrow; a dictionary-encoded column decodes to more than its `bytes`. */
  readonly decodedBytes: number;
  /** Estimate of what a thread holds for the column while it reads the row group. */
  readonly heldBytes: number;
  readonly nulls: number | null;
  /** As strings, for people and for pruning; `null` where unknown. */
  readonly min: string | null;
  readonly max: string | null;
}

export interface ReadRequest {
  /** End-exclusive. */
  readonly rowGroupStart: number;
  readonly rowGroupEnd: number;
  /** Top-level columns, in the order wanted. Empty: rows are counted but nothing is decoded. */
  readonly columns: readonly string[];
  /** Rows of every batch but the last one of a row group. */
  readonly batchRows: number;
  /** Called with the bytes that are about to be decoded, those that {@link FormatReader.encoded} yields. */
  readonly onEncoded?: (bytes: Uint8Array) => void;
}

export interface FormatReader {
  /**
   * Batches in file order. Their buffers may be views that the next batch overwrites.
   * @throws DataError `data.corrupt` naming file, row group and, where known, column.
   */
  read(request: ReadRequest): AsyncIterable<RecordBatch>;
  /**
   * The file's bytes that `read` would decode, in the same order and undecoded. What was yielded may be overwritten by the
   * next.
   */
  encoded(request: ReadRequest): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

export interface FormatWriter {
  /** Takes rows; copies what it keeps. */
  write(batch: RecordBatch): void;
  /** Raw bytes gathered since the writer was made. */
  readonly rawBytes: number;
  readonly rows: number;
  /** The finished file. The writer is used up. */
  finish(): Uint8Array;
}
