/** A real format behind the contract that needs no Parquet: Arrow's own file format. */
import { createHash } from "node:crypto";
import {
  type Schema as ArrowSchema,
  RecordBatch,
  RecordBatchFileWriter,
  type Table,
  tableFromIPC,
} from "apache-arrow";
import type { Column } from "../../src/data/column.js";
import { DataError } from "../../src/errors.js";
import type { FileSummary, Format, FormatWriter } from "../../src/formats/format.js";
import type { ReadHandle } from "../../src/stores/store.js";

export const arrowFileFormat: Format = {
  name: "arrow",
  warm: () => undefined,
  async inspect(file) {
    const table = await tableOf(file);
    const schema: readonly Column[] = table.schema.fields.map((field) => ({
      name: field.name,
      type: { kind: "other", name: String(field.type) },
      nullable: field.nullable,
    }));
    const summary: FileSummary = {
      schema,
      rows: table.numRows,
      footerSha256: createHash("sha256").update(JSON.stringify(schema)).digest("hex"),
      rowGroups: table.batches.map((batch) => ({ rows: batch.numRows, columns: {} })),
      metadata: {},
    };
    return summary;
  },
  async openReader(file) {
    const table = await tableOf(file);
    return {
      async *read() {
        yield* table.batches;
      },
      async *encoded() {
        yield await file.read(0, file.size);
      },
      close: async () => {},
    };
  },
  createWriter: async (schema) => writerOf(schema),
  async join(parts, append) {
    const tables = await Promise.all(parts.map(tableOf));
    const [first] = tables;
    if (first === undefined) throw new Error("nothing to join");
    const writer = writerOf(first.schema);
    for (const batch of tables.flatMap((table) => table.batches)) writer.write(batch);
    await append(writer.finish());
    return writer.rows;
  },
};

function writerOf(schema: ArrowSchema): FormatWriter {
  // The writer holds on to the buffers it is given and Arrow promises no copy, so each batch is serialised at once.
  const parts: RecordBatch[] = [];
  let rows = 0;
  let rawBytes = 0;
  return {
    write(batch) {
      const copied = tableFromIPC(fileOf(batch.schema, [batch])).batches;
      parts.push(...copied);
      rows += batch.numRows;
      rawBytes += batch.data.byteLength;
    },
    get rawBytes() {
      return rawBytes;
    },
    get rows() {
      return rows;
    },
    finish: () => fileOf(schema, parts),
  };
}

function fileOf(schema: ArrowSchema, batches: readonly RecordBatch[]): Uint8Array {
  const writer = new RecordBatchFileWriter();
  writer.reset(undefined, schema);
  for (const batch of batches) writer.write(new RecordBatch(schema, batch.data));
  writer.finish();
  return writer.toUint8Array(true);
}

async function tableOf(file: ReadHandle): Promise<Table> {
  const bytes = await file.read(0, file.size);
  try {
    return tableFromIPC(bytes);
  } catch (cause) {
    throw new DataError("data.corrupt", `${file.path} is no Arrow file`, { cause });
  }
}
