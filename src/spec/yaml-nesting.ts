import { CST, Lexer } from "yaml";
import type { Mistake } from "./yaml-mistakes.js";

/** No valid spec nests deeper. */
const maxDepth = 64;

/**
 * Detects deep nesting before parsing: the parser recurses, and a spec with many `[` would crash the process.
 * The lexer does not recurse. Nesting by indentation is bounded by the size of the file.
 */
export function checkNesting(text: string): Mistake | null {
  let offset = 0;
  let flowDepth = 0;
  let lineDepth = 0;
  for (const token of new Lexer().lex(text)) {
    const type = CST.tokenType(token);
    if (type === "flow-seq-start" || type === "flow-map-start") flowDepth += 1;
    if (type === "flow-seq-end" || type === "flow-map-end") flowDepth -= 1;
    if (type === "newline") lineDepth = 0;
    if (type === "seq-item-ind" || type === "explicit-key-ind") lineDepth += 1;
    if (flowDepth > maxDepth || lineDepth > maxDepth)
      return {
        range: [offset, offset + 1],
        code: "spec.too-deep",
        message: `it nests deeper than ${maxDepth} levels`,
        suggestion: null,
      };
    // Document and scalar markers have tokens that are not in the text.
    if (type !== "doc-mode" && type !== "flow-error-end" && type !== "scalar") offset += token.length;
  }
  return null;
}
