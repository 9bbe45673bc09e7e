/** Looks at data files one by one: footers, and with `full` every row of every column. */
import { unreadablePart } from "../column.js";
import type { Format } from "../format.js";
import type { HostCalls, InspectedFile, InspectedInput } from "../host.js";
import type { Source } from "../source.js";
import type { Store } from "../store.js";

const batchRows = 16_384;

/** @throws what is wrong with the first file that cannot be read, naming it */
export async function inspectData(
  { from, full }: HostCalls["inspect-data"]["request"],
  { store, format }: { readonly store: Store; readonly format: Format },
  onFile: (file: InspectedFile) => void,
  signal: AbortSignal,
): Promise<null> {
  for (const pattern of from) {
    for await (const { path } of store.list(pattern)) {
      signal.throwIfAborted();
      onFile(await inspectFile(path, full, store, format));
    }
  }
  return null;
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
): Promise<InspectedFile> {
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
