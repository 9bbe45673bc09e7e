/** Describes how a job defines the treatment of nulls, for warnings before a run and for errors in it. */

import { allowedNulls } from "../mapping/casts.js";
import type { BoundColumn, InputBinding } from "../mapping/mapping.js";
import { yamlWord } from "../mapping/yaml-word.js";

/** Returns a sentence with the line of the job, the option of `score`, and the allowed values. */
export function nullsFix({ column, map }: BoundColumn, binding: InputBinding): string {
  const name = yamlWord(column);
  const rule =
    binding.kind === "columns" && binding.columns.length === 1
      ? `\`features: { ${yamlWord(binding.input)}: { column: ${name}, nulls: … } }\``
      : binding.kind === "list"
        ? `\`nulls: …\` beside \`list: ${name}\` under features`
        : `\`{ column: ${name}, nulls: … }\` in the stack of ${yamlWord(binding.input)} under features`;
  const others = map === null ? "" : ", beside its `map`";
  return `Define what a null becomes: ${rule}${others}, or --nulls ${column}=… with score (${allowedNulls(binding.type)})`;
}
