/** Map files against the columns that they are for, and the tensors that their numbers go into. */
import { type ColumnType, typeName } from "../data/column.js";
import type { TensorSpec } from "../data/tensor.js";
import type { ColumnMapping } from "../job/job.js";
import { fits, mapProblem, valueType } from "./casts.js";
import { categoriesOf, type MappingFiles } from "./files/mapping-files.js";
import type { CategoryMap } from "./mapping.js";
import type { Problems } from "./problems.js";

/** @param type of one value of the column */
export function categoryMap(
  { column, map }: ColumnMapping,
  type: ColumnType,
  input: TensorSpec,
  files: MappingFiles,
  problems: Problems,
): CategoryMap | null {
  if (map === undefined) return null;
  const { file, unknown } = map;
  // A map that is not allowed here was already reported.
  if (mapProblem(type, input.type) === null) {
    const details = { input: input.name, column, file };
    const complain = (message: string, hint: string) =>
      problems.add("mapping.categories", message, { hint, details });
    if (unknown !== undefined && !fits(unknown, input.type))
      complain(
        `column "${column}": \`unknown: ${unknown}\` is not a value that input "${input.name}" (${input.type}) can hold`,
        `use a number that ${input.type} can hold`,
      );
    const { numbers, integers } = categoriesOf(files, file);
    const misfit = [...numbers].find(([, number]) => !fits(number, input.type));
    if (misfit !== undefined)
      complain(
        `${file} gives "${misfit[0]}" the number ${misfit[1]}, which input "${input.name}" (${input.type}) can't hold`,
        "correct the file",
      );
    if (valueType(type).kind === "int" && integers.size === 0)
      complain(
        `column "${column}" is ${typeName(valueType(type))}, and none of the values in ${file} is an integer`,
        "name the file that was made from this column",
      );
  }
  return { file, unknown: unknown ?? null };
}
