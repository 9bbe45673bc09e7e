import type { Data, RecordBatch } from "apache-arrow";
import { columnOf } from "../../data/arrow/columns.js";
import { nullFinder } from "../../data/arrow/validity.js";
import { typeName } from "../../data/column.js";
import type { Format } from "../../formats/format.js";
import { integerReader } from "../../scoring/binding/fill-exact-integers.js";
import { createTextDecoderCache, textReader } from "../../scoring/binding/text-reader.js";
import type { ReadHandle } from "../../stores/store.js";
import { valueType } from "../casts.js";
import type { Ids } from "./mapping-files.js";
import { columnPlace, withoutRepeats } from "./parse-ids.js";

const batchRows = 65_536;

/** Reads one column of a Parquet file, up to a limit of decoded bytes. @throws RangeError with the problem; DataError if it cannot be decoded */
export async function readParquetIds(
  file: ReadHandle,
  column: string | null,
  format: Format,
  maxBytes: number,
): Promise<Ids> {
  const summary = await format.inspect(file);
  const names = summary.schema.map(({ name }) => name);
  const found = summary.schema[columnPlace(names, column)];
  const kind = found === undefined ? "null" : valueType(found.type).kind;
  if (found === undefined || (kind !== "int" && kind !== "utf8"))
    throw new RangeError(
      `its column "${found?.name}" is ${typeName(found?.type ?? { kind: "null" })}; ids are integers or text`,
    );
  // A run of equal values takes a few bytes in the file, regardless of its length.
  const decodedBytes = summary.rowGroups.reduce(
    (bytes, { columns }) => bytes + (columns[found.name]?.decodedBytes ?? 0),
    0,
  );
  if (decodedBytes > maxBytes)
    throw new RangeError(
      `its column "${found.name}" takes about ${decodedBytes} bytes decoded, and ${maxBytes} are the most that are read`,
    );
  const reader = await format.openReader(file, summary);
  const request = {
    rowGroupStart: 0,
    rowGroupEnd: summary.rowGroups.length,
    columns: [found.name],
    batchRows,
  };
  const batches = reader.read(request);
  try {
    return withoutRepeats(
      kind === "int"
        ? { kind: "int64", values: await readIntegers(batches, found.name, summary.rows) }
        : { kind: "utf8", values: await readTexts(batches, found.name) },
    );
  } finally {
    await reader.close();
  }
}

async function readIntegers(
  batches: AsyncIterable<RecordBatch>,
  column: string,
  rows: number,
): Promise<BigInt64Array> {
  const values = new BigInt64Array(rows);
  let row = 0;
  for await (const data of columns(batches, column)) {
    const at = integerReader(data);
    for (let index = 0; index < data.length; index++, row++) {
      const id = at?.(index) ?? 0n;
      if (BigInt.asIntN(64, id) !== id) throw new RangeError(`its row ${row} holds more than an int64 can`);
      values[row] = id;
    }
  }
  return values;
}

async function readTexts(batches: AsyncIterable<RecordBatch>, column: string): Promise<readonly string[]> {
  const values: string[] = [];
  const decoder = createTextDecoderCache();
  for await (const data of columns(batches, column)) {
    const at = textReader(data, column, decoder);
    for (let index = 0; index < data.length; index++) values.push(at(index) ?? "");
  }
  return values;
}

async function* columns(batches: AsyncIterable<RecordBatch>, column: string): AsyncGenerator<Data> {
  for await (const batch of batches) {
    const data = columnOf(batch, column);
    nullFinder(data)?.(0, data.length, () => {
      throw new RangeError(`its column "${column}" holds nulls`);
    });
    yield data;
  }
}
