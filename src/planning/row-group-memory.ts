/**
 * Whether a row group fits into memory. A plan asks for the largest one that its run reads; what decodes without a plan
 * (a preview, the first rows that a hook is tried on, files of a mapping or of a check, `inspect --full`) asks before each.
 */
import type { RecordBatch } from "apache-arrow";
import { DataError } from "../errors.js";
import type { Format, FormatReader, ReadRequest, RowGroupSummary } from "../formats/format.js";

/** What a thread takes beside its largest row group: the engine, both Parquet codecs, buffers. Measured. */
export const threadBytes = 140 * 1024 * 1024;

/** Row groups of this size are always read, even if the memory limit leaves nothing for them. */
const alwaysFits = 16 * 1024 * 1024;

/** Sum of the estimates for the columns that are read: from the footer, by rows and types, not by bytes in the file. */
function heldByColumns(group: RowGroupSummary, columns: readonly string[]): number {
  const own = columns.filter((column) => Object.hasOwn(group.columns, column));
  return own.reduce((bytes, column) => bytes + (group.columns[column]?.heldBytes ?? 0), 0);
}

export function rowGroupTooLarge(file: string, heldBytes: number, memoryBytes: number): DataError {
  const neededBytes = threadBytes + heldBytes;
  return new DataError(
    "data.row-group-too-large",
    `${file} has a row group that needs about ${mebibytes(neededBytes)} in memory; ${mebibytes(memoryBytes)} may be used.`,
    {
      hint: "Write the file again with smaller row groups (131,072 rows is a good size), keep fewer columns, or set NIGHTSHIFT_MEMORY where there is more: half of it is for decoding, unless limits.memory (score: --memory) says otherwise.",
      details: { file, neededBytes, memoryBytes },
    },
  );
}

/** The format, but for reading row groups that do not fit. @throws DataError `data.row-group-too-large` while reading */
export function withinMemory(format: Format, memoryBytes: number): Format {
  return {
    name: format.name,
    warm: () => format.warm(),
    inspect: (file) => format.inspect(file),
    createWriter: (schema, profile) => format.createWriter(schema, profile),
    join: (parts, append) => format.join(parts, append),
    async openReader(file, summary) {
      const reader = await format.openReader(file, summary);
      return {
        read: (request) => readFitting(reader, request, (index) => check(summary.rowGroups[index], request)),
        encoded: (request) => reader.encoded(request),
        close: () => reader.close(),
      };

      function check(group: RowGroupSummary | undefined, { columns }: ReadRequest): void {
        const heldBytes = group === undefined ? 0 : heldByColumns(group, columns);
        if (heldBytes <= alwaysFits || threadBytes + heldBytes <= memoryBytes) return;
        throw rowGroupTooLarge(file.path, heldBytes, memoryBytes);
      }
    },
  };
}

/** Row groups are checked one by one: a preview may end before it comes to the one that does not fit. */
async function* readFitting(
  reader: FormatReader,
  request: ReadRequest,
  check: (rowGroup: number) => void,
): AsyncGenerator<RecordBatch> {
  // The reader still has its say about columns that the file does not have.
  if (request.rowGroupStart >= request.rowGroupEnd) yield* reader.read(request);
  for (let index = request.rowGroupStart; index < request.rowGroupEnd; index++) {
    check(index);
    yield* reader.read({ ...request, rowGroupStart: index, rowGroupEnd: index + 1 });
  }
}

export function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024 / 1024).toLocaleString("en-US")} MiB`;
}
