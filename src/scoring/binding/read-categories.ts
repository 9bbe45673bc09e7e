/** Columns of categories as the numbers that a map file gives them. */
import { type Data, DataType, Type } from "apache-arrow";
import { type Categories, categoriesOf } from "../../mapping/files/mapping-files.js";
import type { BoundColumn, CategoryMap } from "../../mapping/mapping.js";
import type { Adjust } from "./convert-dtype.js";
import type { FillContext } from "./fill.js";
import { type ReadNumbers, readDictionary, readNumbers } from "./read-numbers.js";
import { textReader } from "./text-reader.js";

/** Gives NaN, which no map file holds, for values that the map does not have: see {@link refuseUnknown}. */
export function readCategories(
  data: Data,
  column: BoundColumn,
  map: CategoryMap,
  context: FillContext,
): ReadNumbers {
  const categories = categoriesOf(context.files, map.file);
  const unknown = map.unknown ?? Number.NaN;
  // Entries of a dictionary are looked up once, and rows by their indices.
  if (DataType.isDictionary(data.type))
    return readDictionary(data, (entries) => lookUp(entries, column, categories, unknown, context));
  return lookUp(data, column, categories, unknown, context);
}

/** The row of a value that the map does not have fails, unless the job gave such values a number. */
export const refuseUnknown: Adjust = (values, count, onFault) => {
  for (let index = 0; index < count; index++)
    if (Number.isNaN(values[index])) {
      values[index] = 0;
      onFault(index, "unknown_category");
    }
};

function lookUp(
  data: Data,
  column: BoundColumn,
  { numbers, integers }: Categories,
  unknown: number,
  { decoder }: FillContext,
): ReadNumbers {
  const isText = [Type.Utf8, Type.LargeUtf8, Type.Utf8View].includes(data.type.typeId);
  if (isText) {
    const at = textReader(data, column.column, decoder);
    return (start, count, out) => {
      for (let index = 0; index < count; index++)
        out[index] = numbers.get(at(start + index) ?? "") ?? unknown;
    };
  }
  const byNumber = data.type.typeId === Type.Bool ? booleans(numbers) : integers;
  const read = readNumbers(data, column);
  return (start, count, out) => {
    read(start, count, out);
    for (let index = 0; index < count; index++) out[index] = byNumber.get(out[index] ?? 0) ?? unknown;
  };
}

/** `true` and `false` by the 1 and 0 that they are read as. */
function booleans(numbers: Categories["numbers"]): ReadonlyMap<number, number> {
  return new Map(
    (["false", "true"] as const).flatMap((text, bit) => {
      const number = numbers.get(text);
      return number === undefined ? [] : [[bit, number] as const];
    }),
  );
}
