/** Fills text columns into string tensors. */
import type { Data } from "apache-arrow";
import { isNull, nullFinder } from "../../data/arrow/validity.js";
import type { BoundColumn } from "../../mapping/mapping.js";
import { type Fill, nullFault } from "./fill.js";
import { type TextDecoderCache, textReader } from "./text-reader.js";

export function fillStrings(data: Data, column: BoundColumn, out: string[], decoder: TextDecoderCache): Fill {
  const at = textReader(data, column.column, decoder);
  const nulls = nullFinder(data);
  const fault = nullFault(column);
  const replacement = typeof column.nulls === "object" ? String(column.nulls.value) : "";
  return (start, count, first, stride, onFault) => {
    for (let index = 0, cell = first; index < count; index++, cell += stride) {
      const text = at(start + index);
      out[cell] = text ?? "";
      if (text === null && !isNull(data, start + index)) onFault(index, "not_text");
    }
    nulls?.(start, count, (index) => {
      out[first + index * stride] = replacement;
      if (fault !== null) onFault(index, fault);
    });
    // The engine uses C strings, which end at the first NUL.
    for (let index = 0, cell = first; index < count; index++, cell += stride)
      if (out[cell]?.includes("\0")) {
        out[cell] = "";
        onFault(index, "nul_in_text");
      }
  };
}
