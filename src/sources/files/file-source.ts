/** Rows from files: any store, any format. */
import type { Chunk } from "../../data/chunk.js";
import type { PathTypes } from "../../data/column.js";
import { CancelledError, DataError } from "../../errors.js";
import type { FileSummary, Format } from "../../formats/format.js";
import type { FileSlice, PinnedFile } from "../../job/partition.js";
import type { ReadHandle, Store, StoredFile } from "../../stores/store.js";
import type { PlanRequest, Source, SourceReadRequest } from "../source.js";
import { withPathColumns } from "./add-path-columns.js";
import { conformBatch } from "./conform-batch.js";
import type { FilesPartition } from "./files-input.js";
import { requireMarkers } from "./markers.js";
import { NullTally } from "./null-tally.js";
import { sharedColumns } from "./own-columns.js";
import { type PathColumns, pathColumns } from "./path-columns.js";
import { changed, checkIdentity, hasMoved } from "./pinned-file.js";
import { type GroupSize, planPartitions, type SizedFile } from "./plan-partitions.js";
import { proveSlices } from "./prove-slices.js";
import { type SchemaAgreement, schemaAgreement } from "./schema-agreement.js";
import { columnsOf } from "./slice-columns.js";
import { SliceDigest } from "./slice-digest.js";
import { TableRoots } from "./table-formats.js";

export interface FileSourceOptions {
  /** Files, globs or directories, in the desired order of rows. */
  readonly from: readonly string[];
  readonly store: Store;
  readonly format: Format;
  /** Read files of a table format as plain files: the author asserts that they are live. */
  readonly plainFiles?: boolean;
  /** Value of a column in files that lack it; without it, such a column cannot be read. */
  readonly missingColumns?: "fail" | "nulls";
  /** Name of the file in each directory that marks its files as complete. */
  readonly marker?: string | null;
  /** Declared types of columns from paths. */
  readonly pathTypes?: PathTypes;
}

/**
 * Footers are read twice, once for the schema and the totals and once for the plan, so that memory use does
 * not grow with the number of files.
 */
export function fileSource(options: FileSourceOptions): Source<FilesPartition> {
  let surveyed: Promise<Survey> | null = null;
  const survey = (): Promise<Survey> => {
    surveyed ??= surveyFiles(options);
    return surveyed;
  };
  return {
    async schema() {
      const { agreement, paths } = await survey();
      return [...agreement.schema, ...paths.schema];
    },
    async nulls() {
      return (await survey()).nulls.counts();
    },
    async *plan(request, signal) {
      const found = await survey();
      const { partitionRows, minPartitions } = request;
      const sizing = { partitionRows, minPartitions, totals: found.totals };
      yield* planPartitions(sizedFiles(options, request, found, signal), sizing);
    },
    async *read(partition, request, signal) {
      for (const slice of partition.slices) yield* readSlice(options, slice, request, signal);
    },
    prove: (slices, request, signal) => proveSlices(slices, { ...options, request, signal }),
  };
}

/** Results of reading every footer. */
interface Survey {
  readonly agreement: SchemaAgreement;
  readonly paths: PathColumns;
  readonly nulls: NullTally;
  readonly totals: { readonly rows: number; readonly rowGroups: number };
}

async function surveyFiles(options: FileSourceOptions): Promise<Survey> {
  await requireMarkers(options);
  const paths = pathColumns(options.pathTypes ?? {});
  const agreement = schemaAgreement({ missingAsNulls: options.missingColumns === "nulls" });
  const nulls = new NullTally();
  let rows = 0;
  let rowGroups = 0;
  for await (const file of inputFiles(options)) {
    const summary = await inspect(options, file);
    agreement.add(file.path, summary.schema);
    nulls.add(file, summary);
    const { store, format } = options;
    paths.add(file, await sharedColumns(file, summary, { format, open: () => store.open(file.path) }));
    rows += summary.rows;
    rowGroups += summary.rowGroups.filter((group) => group.rows > 0).length;
  }
  paths.requireDeclared();
  return { agreement, paths, nulls, totals: { rows, rowGroups } };
}

/** Yields files in the order of `from`, then of paths. A file that is reached twice is read once. */
async function* inputFiles({
  from,
  store,
  plainFiles = false,
}: FileSourceOptions): AsyncGenerator<StoredFile> {
  const seen = new Set<string>();
  const tables = new TableRoots(store);
  for (const pattern of from) {
    for await (const file of store.list(pattern)) {
      if (seen.has(file.path)) continue;
      seen.add(file.path);
      const refusal = plainFiles ? null : await tables.refusal(file);
      if (refusal !== null) throw refusal;
      yield file;
    }
  }
}

async function inspect({ store, format }: FileSourceOptions, file: StoredFile): Promise<FileSummary> {
  const handle = await store.open(file.path);
  try {
    return await format.inspect(handle);
  } finally {
    await handle.close();
  }
}

async function* sizedFiles(
  options: FileSourceOptions,
  request: PlanRequest,
  { agreement, paths }: Survey,
  signal: AbortSignal,
): AsyncGenerator<SizedFile> {
  for await (const file of inputFiles(options)) {
    if (signal.aborted) throw new CancelledError();
    const { path, size, inode, mtimeNs, ctimeNs } = file;
    const { schema, rows, footerSha256, rowGroups } = await inspect(options, file);
    agreement.check(path, schema, request.columns);
    const typed = paths.typed(file, request.pathTypes ?? {});
    const pinned: PinnedFile = { path, size, inode, mtimeNs, ctimeNs, footerSha256, rows, ...typed };
    // It may have been written to between the listing and the reading of its footer.
    checkIdentity(pinned, await options.store.stat(path));
    yield { file: pinned, rowGroups: rowGroups.map((group) => sizeOf(group, request.columns)) };
  }
}

function sizeOf(group: FileSummary["rowGroups"][number], columns: readonly string[]): GroupSize {
  let bytes = 0;
  let heldBytes = 0;
  for (const column of columns) {
    bytes += group.columns[column]?.decodedBytes ?? 0;
    heldBytes += group.columns[column]?.heldBytes ?? 0;
  }
  return { rows: group.rows, bytes, heldBytes };
}

async function* readSlice(
  { store, format }: FileSourceOptions,
  slice: FileSlice,
  request: SourceReadRequest,
  signal: AbortSignal,
): AsyncGenerator<Chunk> {
  const { path } = slice.file;
  if (signal.aborted) throw new CancelledError();
  checkIdentity(slice.file, await store.stat(path));
  const handle = await store.open(path);
  try {
    const summary = await format.inspect(handle);
    if (summary.footerSha256 !== slice.file.footerSha256) throw changed(path, "its footer differs");
    const digest = new SliceDigest();
    yield* readChunks(format, handle, { summary, slice, request, signal, digest });
    // Written to while it was read: the decoded rows may be a mixture.
    const found = checkIdentity(slice.file, await store.stat(path));
    request.onSlice?.({
      digest: String(digest),
      ...(hasMoved(slice.file, found) ? { moved: true } : {}),
    });
  } finally {
    await handle.close();
  }
}

interface SliceRead {
  readonly summary: FileSummary;
  readonly slice: FileSlice;
  readonly request: SourceReadRequest;
  readonly signal: AbortSignal;
  readonly digest: SliceDigest;
}

async function* readChunks(format: Format, handle: ReadHandle, read: SliceRead): AsyncGenerator<Chunk> {
  const { summary, slice, request, signal, digest } = read;
  const { path } = slice.file;
  const { columns } = request;
  const { own, agreed } = columnsOf(slice.file, summary, request);
  const report = byteReporter(handle, request);
  const reader = await format.openReader(handle, summary);
  let firstRow = slice.firstRow;
  try {
    const batches = reader.read({
      rowGroupStart: slice.rowGroupStart,
      rowGroupEnd: slice.rowGroupEnd,
      columns: own,
      batchRows: request.chunkRows,
      onEncoded: digest.add,
    });
    for await (const batch of batches) {
      if (signal.aborted) throw new CancelledError();
      report();
      const conforming = agreed === null ? batch : conformBatch(batch, agreed, { path, firstRow });
      yield { batch: withPathColumns(conforming, columns, slice.file), origin: { file: path, firstRow } };
      firstRow += batch.numRows;
    }
    report();
  } finally {
    await reader.close();
  }
  if (firstRow - slice.firstRow !== slice.rows)
    throw new DataError(
      "data.corrupt",
      `${path} returned ${firstRow - slice.firstRow} rows, but the plan has ${slice.rows}`,
      {
        details: { file: path },
      },
    );
}

function byteReporter(handle: ReadHandle, { onBytes }: SourceReadRequest): () => void {
  let reported = 0;
  return () => {
    onBytes?.(handle.bytesRead - reported);
    reported = handle.bytesRead;
  };
}
