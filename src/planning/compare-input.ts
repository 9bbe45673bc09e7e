/** Compares predictions of a job's own input with a file of expected ones: by the job's key, or row by row. */
import type { RecordBatch } from "apache-arrow";
import { columnOf } from "../data/arrow/columns.js";
import type { Chunk } from "../data/chunk.js";
import { type Schema, typeName } from "../data/column.js";
import { SpecError } from "../errors.js";
import type { Compared } from "../host/host.js";
import type { CheckSpec } from "../job/job.js";
import { addedBy, hookSteps, namesOf } from "../scoring/hooks/hook-steps.js";
import { count, counted } from "../text/human.js";
import { type CheckParts, notedRows } from "./check-predictions.js";
import { compareScored } from "./compare-scored.js";
import { type Cell, canCompare, cellsOf } from "./comparing/cells.js";
import { compareColumns, type RowPair } from "./comparing/compare-columns.js";
import { expectedColumns } from "./comparing/expected-columns.js";
import type { OpenedFile } from "./expected-file.js";

/** The rows of the job's input and their number; `null` if it is unknown. */
export interface InputRows {
  readonly chunks: AsyncIterable<Chunk>;
  readonly rows: number | null;
}

/** @throws SpecError `check.columns`, `check.rows` if the file's rows cannot be matched to those of the input */
export async function compareInput(
  { file, tolerance }: CheckSpec,
  opened: OpenedFile,
  checked: CheckParts,
  input: InputRows,
  signal: AbortSignal,
): Promise<Compared> {
  const { prepared, settled, parts } = checked;
  const { job, files, loaded, schema } = prepared;
  const { profile, mapping, hooks } = settled;
  const { key } = job.input;
  const allowed = namesOf([...schema, ...addedBy("pre-hook", hooks)]);
  const expected = expectedColumns({ file, schema: opened.schema, needed: key, allowed }, mapping);
  for (const name of key) requireKeyType(name, opened, mapping.columns, file);
  if (key.length === 0) requireSameRows(file, opened.rows, input.rows);
  const table = await readExpected(opened, { columns: namesOf(expected), key, file }, signal);
  const steps = hookSteps({ job, inputSchema: schema, mapping, hooks }, loaded);
  const comparison = compareColumns(expected, mapping, tolerance);
  const predictor = await parts.runtime.load(prepared.model.assets, profile);
  const seen = new Set<number>();
  let rows = 0;
  let compared = 0;
  try {
    const pairsOf = function* (predicted: RecordBatch): Iterable<RowPair> {
      const keys = key.map((name) => cellsOf(columnOf(predicted, name)));
      for (let row = 0; row < predicted.numRows; row++, rows++) {
        const at = key.length === 0 ? rows : table.find(keys.map((read) => read(row)));
        if (at === undefined) continue;
        seen.add(at);
        compared++;
        yield { predicted: row, expected: (column) => table.columns.get(column)?.[at] ?? null, number: at };
      }
    };
    const failed = await compareScored(
      {
        ...{ job, mapping, files, predictor, profile, hooks: steps, clock: parts.clock },
        noteRow: notedRows(checked),
      },
      input.chunks,
      comparison,
      pairsOf,
      signal,
    );
    const columns = comparison.result();
    return {
      ...{ file, rows: opened.rows, tolerance, columns, key, failed },
      ...{ scored: rows, compared, absent: opened.rows - seen.size },
    };
  } finally {
    await predictor.close();
  }
}

interface ExpectedTable {
  /** Values by column and row. */
  readonly columns: ReadonlyMap<string, readonly Cell[]>;
  /** The row with these values of the key. */
  find(key: readonly Cell[]): number | undefined;
}

async function readExpected(
  opened: OpenedFile,
  {
    columns,
    key,
    file,
  }: { readonly columns: readonly string[]; readonly key: readonly string[]; readonly file: string },
  signal: AbortSignal,
): Promise<ExpectedTable> {
  const values = new Map<string, Cell[]>(columns.map((name) => [name, []]));
  const places = new Map<string, number>();
  let rows = 0;
  for await (const { batch } of opened.read([...new Set([...key, ...columns])], chunkRows, signal)) {
    for (const [name, cells] of values) {
      const read = cellsOf(columnOf(batch, name));
      for (let row = 0; row < batch.numRows; row++) cells.push(read(row));
    }
    const keys = key.map((name) => cellsOf(columnOf(batch, name)));
    for (let row = 0; row < batch.numRows; row++, rows++) {
      if (key.length === 0) continue;
      const text = keyText(keys.map((read) => read(row)));
      if (places.has(text))
        throw new SpecError(
          "check.rows",
          `${file}, row ${rows}: the key (${key.join(", ")}) is that of a row before`,
          {
            hint: "Name a key whose values tell rows apart, with --key.",
            details: { file, row: rows, key: [...key] },
          },
        );
      places.set(text, rows);
    }
  }
  return { columns: values, find: (cells) => places.get(keyText(cells)) };
}

const chunkRows = 8192;

function keyText(cells: readonly Cell[]): string {
  return JSON.stringify(cells, (_name, cell) =>
    typeof cell === "bigint" ? { integer: String(cell) } : cell,
  );
}

function requireKeyType(name: string, { schema }: OpenedFile, columns: Schema, file: string): void {
  const [own, other] = [schema, columns].map((side) => side.find((column) => column.name === name)?.type);
  if (own === undefined || other === undefined || canCompare(own, other)) return;
  throw new SpecError(
    "check.columns",
    `${file} has ${typeName(own)} in the key's column "${name}", where the input has ${typeName(other)}`,
    { hint: "Write the key with the type of the input.", details: { file, columns: [name] } },
  );
}

function requireSameRows(file: string, expected: number, given: number | null): void {
  if (expected === given) return;
  const has = given === null ? "the number of rows of the input is unknown" : `the input has ${count(given)}`;
  throw new SpecError("check.rows", `${file} has ${counted(expected, "row")}, and ${has}`, {
    hint: "Name the columns that identify a row with --key (in a job: input.key), or give the same rows in the same order.",
    details: { file, expected, given },
  });
}
