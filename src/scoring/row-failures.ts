/** Reasons why rows cannot be scored: codes for programs, and sentences without values of the row. */
import type { BoundColumn, InputBinding } from "../mapping/mapping.js";
import { yamlWord } from "../mapping/yaml-word.js";
import { nullsFix } from "./null-fix.js";

/** Why a value could not go into its tensor.  */
export type ValueFault =
  | "null_value"
  | "null_rejected"
  | "cast_overflow"
  | "cast_inexact"
  | "unknown_category"
  | "nul_in_text"
  | "not_text";

/** Stable, for machines. */
export type Reason = ValueFault | "list_length" | "predict_failed" | "kills_engine" | "unfit_value";

export interface Failure {
  readonly reason: Reason;
  /** What failed and where, without the row's values. */
  readonly message: string;
  /** What the author of the job can change so that such rows are scored; absent if nothing helps. */
  readonly fix?: () => string;
}

export function valueFailure(fault: ValueFault, bound: BoundColumn, binding: InputBinding): Failure {
  const { column, dtype, map } = bound;
  const { type, input } = binding;
  const holder = dtype === null ? `input "${input}" (${type})` : `${dtype}, its \`dtype\`,`;
  const fixes: { readonly [fault in ValueFault]?: () => string } = {
    null_value: () => nullsFix(bound, binding),
    cast_inexact: () =>
      `To truncate fractions, write \`cast: lossy\` beside the column ${yamlWord(column)} under features`,
    unknown_category: () =>
      `Add the value to ${map?.file ?? "the map's file"}, or give such values a number: \`unknown: …\` beside the map's \`file\``,
  };
  const fix = fixes[fault];
  return { reason: fault, message: sentence(), ...(fix === undefined ? {} : { fix }) };

  function sentence(): string {
    switch (fault) {
      case "null_value":
      case "null_rejected":
        return `column "${column}" is null`;
      case "cast_overflow":
        return `column "${column}" holds a number that ${holder} can't hold`;
      case "cast_inexact":
        return (
          `column "${column}" holds a number that ${holder} can't hold exactly: it has a fraction, or more digits ` +
          "than its type is sure of"
        );
      case "nul_in_text":
        return `column "${column}" holds a text with the character U+0000, at which the engine would cut it off`;
      case "not_text":
        return `column "${column}" holds bytes that are not text in UTF-8`;
      case "unknown_category":
        return `column "${column}" holds a value that ${map?.file ?? "its map"} does not have`;
    }
  }
}

/** @param isPadded whether shorter lists are padded, so that only longer ones fail */
export function listLengthFailure(
  column: string,
  length: number,
  input: string,
  width: number,
  isPadded: boolean,
): Failure {
  const isShort = length < width;
  const way = isPadded
    ? "a larger `pad_to` takes it whole, `keep` would shorten it"
    : isShort
      ? `\`pad_to: ${width}\` would make it fit`
      : `\`pad_to: ${length}\` takes it whole where the model leaves the length open, \`keep\` would shorten it`;
  return {
    reason: "list_length",
    message: `the list in column "${column}" has ${length} values, and input "${input}" takes ${width}; ${way}`,
  };
}

/** @param rowShape of the input: the required lengths by level */
export function nestedListFailure(column: string, input: string, rowShape: readonly number[]): Failure {
  return {
    reason: "list_length",
    message: `the lists in column "${column}" are not ${rowShape.join(" x ")}, which input "${input}" takes`,
  };
}

/** @param reason the runtime's message, which contains no values */
export function predictFailure(reason: string): Failure {
  return { reason: "predict_failed", message: `the model fails on this row: ${reason}` };
}

/** The engine would end the whole process on this row, so the model is not called for it. */
export const killsEngine: Failure = {
  reason: "kills_engine",
  message: "the model crashes the engine on this row",
};
