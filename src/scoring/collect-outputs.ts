/** Collects the output tensors of a chunk's batches into columns, without boxing values. */
import type { Data, Field, RecordBatch } from "apache-arrow";
import type { Tensor, Tensors } from "../data/tensor.js";
import { BugError, ModelError } from "../errors.js";
import type { MappingFiles } from "../mapping/files/mapping-files.js";
import { columnNames, type OutputBinding, rowWidth } from "../mapping/mapping.js";
import { argmaxColumn } from "./outputs/argmax.js";
import { gatheredColumn } from "./outputs/gathered.js";
import { nanRows } from "./outputs/nan-rows.js";
import { type Nulled, type OutputColumn, withNulls } from "./outputs/output-column.js";
import { renamedColumn } from "./outputs/renamed.js";
import { thresholdColumn } from "./outputs/threshold.js";
import { topKColumn } from "./outputs/top-k.js";

export interface Collector {
  /** Allocates space for a chunk of the input and discards the previous one. */
  begin(batch: RecordBatch): void;
  /** Stores the first `rows` rows of the tensors at row `at` of the chunk. */
  collect(at: number, rows: number, outputs: Tensors): void;
  /** Returns rows of the chunk with a NaN prediction, or with a null label because of NaN scores. */
  uncertain(): ReadonlySet<number>;
  /** Returns one Arrow column for each output column, in memory that the next chunk overwrites. */
  columns(nulled: Nulled): readonly Data[];
}

/** @param fields the output columns' Arrow fields, in the order of the bindings' columns */
export function createCollector(
  bindings: readonly OutputBinding[],
  fields: readonly Field[],
  files: MappingFiles,
): Collector {
  let chunkRows = 0;
  const fetched = new Map(
    bindings
      .flatMap(({ output, certainBy = [] }) => [output, ...certainBy])
      .map((name) => [name, new Set<number>()]),
  );
  const unclaimed = [...fields];
  const outputs = bindings.map((binding) => {
    const width = widthOf(binding);
    const own = unclaimed.splice(0, columnNames(binding).length);
    return { binding, width, columns: outputColumns(binding, width, own, files) };
  });
  return {
    begin(batch) {
      chunkRows = batch.numRows;
      for (const rows of fetched.values()) rows.clear();
      for (const { columns } of outputs) for (const column of columns) column.begin(batch);
    },
    collect(at, rows, tensors) {
      for (const { binding, width, columns } of outputs) {
        const tensor = requireTensor(binding, width, tensors, rows);
        for (const column of columns) column.collect(at, rows, tensor);
      }
      for (const [name, found] of fetched) {
        const tensor = tensors[name];
        if (tensor !== undefined) for (const row of nanRows(tensor, rows)) found.add(at + row);
      }
    },
    uncertain: () => new Set([...fetched.values()].flatMap((rows) => [...rows])),
    columns: (nulled) =>
      outputs.flatMap(({ binding: { certainBy = [] }, columns }) => {
        const unsure = certainBy.flatMap((name) => [...(fetched.get(name) ?? [])]);
        const without = unsure.length === 0 ? nulled : withNulls(nulled, chunkRows, unsure);
        return columns.map((column) => column.finish(chunkRows, without));
      }),
  };
}

function outputColumns(
  binding: OutputBinding,
  width: number,
  fields: readonly Field[],
  files: MappingFiles,
): readonly OutputColumn[] {
  const [field] = fields;
  switch (binding.kind) {
    case "elements":
      return fields.map(({ type }, place) =>
        gatheredColumn(type, binding.type, { width, index: binding.columns[place]?.index ?? 0, count: 1 }),
      );
    case "scalar":
      return [gatheredColumn(typeOf(field), binding.type, { width, index: 0, count: 1 })];
    case "list":
      return [gatheredColumn(typeOf(field), binding.type, { width, index: 0, count: width })];
    case "renamed":
      return [renamedColumn(typeOf(field), binding.names)];
    case "argmax":
      return [argmaxColumn(typeOf(field), width, binding.labels)];
    case "threshold":
      return [thresholdColumn(typeOf(field), binding.type, { width, index: binding.index, at: binding.at })];
    case "top-k":
      return [topKColumn(typeOf(field), binding, width, files)];
  }
}

function typeOf(field: Field | undefined): Field["type"] {
  if (field === undefined) throw new BugError("bug.columns", "an output column has no field");
  return field.type;
}

function widthOf({ output, rowShape }: OutputBinding): number {
  if (rowShape === null)
    throw new BugError("bug.unsettled", `the shape of output "${output}" was never settled`);
  return rowWidth(rowShape);
}

function requireTensor(binding: OutputBinding, width: number, outputs: Tensors, rows: number): Tensor {
  const tensor = outputs[binding.output];
  const details = { output: binding.output };
  if (tensor === undefined)
    throw new ModelError("model.output-missing", `the model returned no output "${binding.output}"`, {
      details,
    });
  if (tensor.type !== binding.type)
    throw new ModelError(
      "model.output-type",
      `output "${binding.output}" is ${tensor.type}, and its signature says ${binding.type}`,
      { details },
    );
  const [batch = 0] = tensor.dims;
  if (batch < rows || tensor.data.length !== batch * width)
    throw new ModelError(
      "model.output-shape",
      `output "${binding.output}" has the shape [${tensor.dims.join(", ")}] for ${rows} rows, and ${width} values a row were planned`,
      {
        hint: "the model must give one row of output for each row of input, of one size",
        details: { ...details, dims: [...tensor.dims], rows },
      },
    );
  return tensor;
}
