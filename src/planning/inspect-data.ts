/** Looks at data files one by one: footers, and with `full` every row of every column. */
import { unreadablePart } from "../data/column.js";
import type { SpecError } from "../errors.js";
import type { Format } from "../formats/format.js";
import type { HostCalls, InspectedFile, InspectedInput, InspectedTable } from "../host/host.js";
import type { Source, TableDetector } from "../sources/source.js";
import type { Store } from "../stores/store.js";

const batchRows = 16_384;

/**
 * @throws what is wrong with the first file that cannot be read, naming it; SpecError `source.table-format` if it cannot be
 *   read since it is metadata of a table, or if tables are refused
 */
export async function inspectData(
  { from, full, tables: wanted }: HostCalls["inspect-data"]["request"],
  { store, format, tables }: InspectParts,
  onFile: (file: InspectedFile) => void,
  signal: AbortSignal,
): Promise<null> {
  for (const pattern of from) {
    for await (const file of store.list(pattern)) {
      signal.throwIfAborted();
      const refusal = wanted === "plain" ? null : await tables.refusal(file);
      if (refusal !== null && wanted === "refuse") throw refusal;
      const seen = await inspectFile(file.path, full, store, format).catch((error: unknown) => {
        throw refusal ?? error;
      });
      onFile({ ...seen, table: refusal === null ? null : tableOf(refusal) });
    }
  }
  return null;
}

interface InspectParts {
  readonly store: Store;
  readonly format: Format;
  readonly tables: TableDetector;
}

function tableOf({ message, hint = "", details }: SpecError): InspectedTable {
  return { format: String(details.format), root: String(details.root), message, hint };
}

export async function inspectInput(source: Source, signal: AbortSignal): Promise<InspectedInput> {
  const schema = await source.schema();
  let rows = 0;
  const request = { columns: [], partitionRows: "auto", minPartitions: 1 } as const;
  for await (const partition of source.plan(request, signal)) rows += partition.rows;
  return { schema, rows };
}

async function inspectFile(
  path: string,
  full: boolean,
  store: Store,
  format: Format,
): Promise<Omit<InspectedFile, "table">> {
  const handle = await store.open(path);
  try {
    const summary = await format.inspect(handle);
    if (!full) return { path, bytes: handle.size, summary, decodedRows: null };
    const reader = await format.openReader(handle, summary);
    let decodedRows = 0;
    try {
      const request = {
        rowGroupStart: 0,
        rowGroupEnd: summary.rowGroups.length,
        columns: summary.schema
          .filter(({ type }) => unreadablePart(type) === null)
          .map((column) => column.name),
        batchRows,
      };
      for await (const batch of reader.read(request)) decodedRows += batch.numRows;
    } finally {
      await reader.close();
    }
    return { path, bytes: handle.size, summary, decodedRows };
  } finally {
    await handle.close();
  }
}
