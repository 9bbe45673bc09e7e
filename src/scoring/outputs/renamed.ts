import type { DataType } from "apache-arrow";
import { ownValue } from "../own-value.js";
import { valuesColumn } from "./arrow-values.js";
import type { OutputColumn } from "./output-column.js";

/** A column of renamed values; values without a new name keep their own. */
export function renamedColumn(type: DataType, names: { readonly [value: string]: string }): OutputColumn {
  const known = new Map<number | bigint | string, string>();
  let texts: string[] = [];
  const nameOf = (value: number | bigint | string): string => {
    const name = known.get(value) ?? ownValue(names, String(value)) ?? String(value);
    if (known.size < 4096) known.set(value, name);
    return name;
  };
  return {
    begin({ numRows }) {
      texts = new Array<string>(numRows).fill("");
    },
    collect(at, rows, { data }) {
      for (let row = 0; row < rows; row++) texts[at + row] = nameOf(data[row] ?? "");
    },
    finish: (_rows, nulled) => valuesColumn(type, texts, nulled),
  };
}
