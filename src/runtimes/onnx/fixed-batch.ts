/** Batches for models with a fixed number of rows: split, padded, and joined again. */
import type { Tensor, TensorData, Tensors } from "../../data/tensor.js";

/** The rows `start` to `end` (exclusive), as a view where the data allows it. */
export function sliceRows(tensor: Tensor, start: number, end: number): Tensor {
  const width = rowWidth(tensor);
  const [, ...row] = tensor.dims;
  return { ...tensor, dims: [end - start, ...row], data: cut(tensor.data, start * width, end * width) };
}

/**
 * Pads the tensor to `rows` rows with copies of its last row. A real row cannot cause a new error in a model.
 */
export function padRows(tensor: Tensor, rows: number): Tensor {
  const [own = 0, ...row] = tensor.dims;
  if (own === rows) return tensor;
  const width = rowWidth(tensor);
  const dims = [rows, ...row];
  if (isText(tensor.data)) {
    const last = tensor.data.slice((own - 1) * width);
    return {
      ...tensor,
      dims,
      data: [
        ...tensor.data,
        ...Array(rows - own)
          .fill(last)
          .flat(),
      ],
    };
  }
  const data = allocate(tensor.data, rows * width);
  data.set(tensor.data as never);
  for (let at = own * width; at < data.length; at += width)
    data.copyWithin(at, (own - 1) * width, own * width);
  return { ...tensor, dims, data };
}

/** Joins the parts. They agree in names, types and row shapes, since one model produced them. */
export function joinRows(parts: readonly Tensors[]): Tensors {
  const [first = {}] = parts;
  return Object.fromEntries(
    Object.entries(first).map(([name, tensor]) => [
      name,
      join(
        tensor,
        parts.map((part) => part[name] ?? tensor),
      ),
    ]),
  );
}

function join(first: Tensor, parts: readonly Tensor[]): Tensor {
  const rows = parts.reduce((sum, { dims }) => sum + (dims[0] ?? 0), 0);
  const [, ...row] = first.dims;
  const dims = [rows, ...row];
  if (isText(first.data))
    return { ...first, dims, data: parts.flatMap(({ data }) => data as readonly string[]) };
  const data = allocate(first.data, rows * rowWidth(first));
  let at = 0;
  for (const part of parts) {
    data.set(part.data as never, at);
    at += part.data.length;
  }
  return { ...first, dims, data };
}

function rowWidth({ dims }: Tensor): number {
  return dims.slice(1).reduce((product, size) => product * size, 1);
}

type Numbers = Exclude<TensorData, readonly string[]>;

function isText(data: TensorData): data is readonly string[] {
  return Array.isArray(data);
}

function cut(data: TensorData, start: number, end: number): TensorData {
  return isText(data) ? data.slice(start, end) : data.subarray(start, end);
}

/** Zeros, in an array of the same type. */
function allocate<T extends Numbers>(like: T, length: number): T {
  return new (like.constructor as new (length: number) => T)(length);
}
