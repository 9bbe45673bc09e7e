/** Converts columns of categories to the numbers of a map file. */
import { type Data, DataType, Type } from "apache-arrow";
import { type Categories, categoriesOf } from "../../mapping/files/mapping-files.js";
import type { BoundColumn, CategoryMap } from "../../mapping/mapping.js";
import type { Adjust } from "./convert-dtype.js";
import type { FillContext } from "./fill.js";
import { type ReadNumbers, readDictionary, readNumbers } from "./read-numbers.js";
import { textReader } from "./text-reader.js";

/** Returns NaN, which no map file contains, for values that the map lacks: see {@link refuseUnknown}. */
export function readCategories(
  data: Data,
  column: BoundColumn,
  map: CategoryMap,
  context: FillContext,
): ReadNumbers {
  const categories = categoriesOf(context.files, map.file);
  const unknown = map.unknown ?? Number.NaN;
  // Dictionary entries are looked up once; rows use their indices.
  if (DataType.isDictionary(data.type))
    return readDictionary(data, (entries) => lookUp(entries, column, categories, unknown, context));
  return lookUp(data, column, categories, unknown, context);
}

/** Fails rows with a value that the map lacks, unless the job assigns a number to such values. */
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

/** Maps `true` and `false` to the 1 and 0 as which they are read. */
function booleans(numbers: Categories["numbers"]): ReadonlyMap<number, number> {
  return new Map(
    (["false", "true"] as const).flatMap((text, bit) => {
      const number = numbers.get(text);
      return number === undefined ? [] : [[bit, number] as const];
    }),
  );
}
