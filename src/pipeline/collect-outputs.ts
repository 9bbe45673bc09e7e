/** Output tensors of a chunk's batches, gathered into one typed array a column: no value is boxed on the way. */
import { BufferType, Data, DataType, type Field } from "apache-arrow";
import { BugError, ModelError } from "../errors.js";
import { type OutputBinding, rowWidth } from "../mapping.js";
import type { Tensor, Tensors } from "../tensor.js";
import { encodeTexts } from "./arrow/texts.js";
import { halfToDouble } from "./tensors/float16.js";
import { allocate, headOf, type TensorBuffer } from "./tensors/tensor-buffers.js";

export interface Collector {
  /** Makes room for a chunk of that many rows and forgets the one before. */
  begin(rows: number): void;
  /** Takes the first `rows` rows of the tensors in, at row `at` of the chunk. */
  collect(at: number, rows: number, outputs: Tensors): void;
  /** One Arrow column for each output column, over memory that the next chunk overwrites. */
  columns(validity: Uint8Array | null, nulls: number): readonly Data[];
}

/** @param fields the output columns' Arrow fields, in the order of the bindings' columns */
export function createCollector(bindings: readonly OutputBinding[], fields: readonly Field[]): Collector {
  let chunkRows = 0;
  const columns = bindings.flatMap(gatheredColumns).map((gathered, index) => {
    const field = fields[index];
    if (field === undefined) throw new BugError("bug.columns", "an output column has no field");
    return { ...gathered, field, buffer: allocate(bufferType(gathered.binding), 0) };
  });
  return {
    begin(rows) {
      chunkRows = rows;
      for (const column of columns)
        if (column.buffer.length < rows * column.count)
          column.buffer = allocate(bufferType(column.binding), rows * column.count);
    },
    collect(at, rows, outputs) {
      for (const { binding, index, count, buffer } of columns) {
        const tensor = requireTensor(binding, outputs, rows);
        gather(tensor, rows, widthOf(binding), index, count, buffer, at * count);
      }
    },
    columns(validity, nulls) {
      return columns.map(({ field, buffer, count }) =>
        arrowColumn(field.type, headOf(buffer, chunkRows * count), chunkRows, validity, nulls),
      );
    },
  };
}

interface GatheredColumn {
  readonly binding: OutputBinding;
  /** First element of the row that goes into the column, and how many. */
  readonly index: number;
  readonly count: number;
}

function gatheredColumns(binding: OutputBinding): readonly GatheredColumn[] {
  switch (binding.kind) {
    case "scalar":
      return [{ binding, index: 0, count: 1 }];
    case "elements":
      return binding.columns.map(({ index }) => ({ binding, index, count: 1 }));
    case "list":
      return [{ binding, index: 0, count: widthOf(binding) }];
  }
}

function widthOf({ output, rowShape }: OutputBinding): number {
  if (rowShape === null)
    throw new BugError("bug.unsettled", `the shape of output "${output}" was never settled`);
  return rowWidth(rowShape);
}

/** Halves are widened as they come in. */
function bufferType({ type }: OutputBinding) {
  return type === "float16" ? "float32" : type;
}

function requireTensor(binding: OutputBinding, outputs: Tensors, rows: number): Tensor {
  const tensor = outputs[binding.output];
  const details = { output: binding.output };
  if (tensor === undefined)
    throw new ModelError("model.output-missing", `the model gave no output "${binding.output}"`, { details });
  if (tensor.type !== binding.type)
    throw new ModelError(
      "model.output-type",
      `output "${binding.output}" is ${tensor.type}, and its signature says ${binding.type}`,
      { details },
    );
  const [batch = 0] = tensor.dims;
  if (batch < rows || tensor.data.length !== batch * widthOf(binding))
    throw new ModelError(
      "model.output-shape",
      `output "${binding.output}" has the shape [${tensor.dims.join(", ")}] for ${rows} rows, and ${widthOf(binding)} values a row were planned`,
      {
        hint: "the model must give one row of output for each row of input, of one size",
        details: { ...details, dims: [...tensor.dims], rows },
      },
    );
  return tensor;
}

/** Tensor and column hold one kind of value, which `requireTensor` has seen to. */
interface Cells {
  [cell: number]: number | bigint | string;
}

/** Elements `index` to `index + count` of each row, packed, from cell `to` on. */
function gather(
  { type, data }: Tensor,
  rows: number,
  width: number,
  index: number,
  count: number,
  buffer: TensorBuffer,
  to: number,
): void {
  const isWhole = count === width;
  if (Array.isArray(buffer) || type === "float16" || !isWhole) {
    const out: Cells = buffer;
    for (let row = 0, cell = to; row < rows; row++)
      for (let element = 0; element < count; element++, cell++) {
        const value = data[row * width + index + element] ?? 0;
        out[cell] = type === "float16" ? halfToDouble(Number(value)) : value;
      }
    return;
  }
  buffer.set((data as Exclude<TensorBuffer, string[]>).subarray(0, rows * width) as never, to);
}

function arrowColumn(
  type: DataType,
  values: TensorBuffer,
  rows: number,
  validity: Uint8Array | null,
  nulls: number,
): Data {
  const bitmap = { [BufferType.VALIDITY]: validity ?? new Uint8Array(0) };
  if (!DataType.isFixedSizeList(type)) return flatColumn(type, values, bitmap, nulls);
  const item = type.children[0];
  if (item === undefined) throw new BugError("bug.columns", "a list has no item type");
  const elements = flatColumn(item.type, values, {}, 0);
  return new Data(type, 0, rows, nulls, bitmap, [elements]);
}

function flatColumn(
  type: DataType,
  values: TensorBuffer,
  bitmap: { readonly [BufferType.VALIDITY]?: Uint8Array },
  nulls: number,
): Data {
  if (Array.isArray(values)) {
    const { offsets, bytes } = encodeTexts(values);
    return new Data(type, 0, values.length, nulls, {
      [BufferType.OFFSET]: offsets,
      [BufferType.DATA]: bytes,
      ...bitmap,
    });
  }
  const packed = DataType.isBool(type) ? packBits(values as Uint8Array) : values;
  return new Data(type, 0, values.length, nulls, { [BufferType.DATA]: packed, ...bitmap });
}

function packBits(values: Uint8Array): Uint8Array {
  const bits = new Uint8Array((values.length + 7) >> 3);
  for (let index = 0; index < values.length; index++)
    if (values[index] !== 0) bits[index >> 3] = (bits[index >> 3] ?? 0) | (1 << (index & 7));
  return bits;
}
