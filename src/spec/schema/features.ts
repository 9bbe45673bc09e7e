import { z } from "zod";
import { checkColumn, checkMap, ofColumn, rules } from "./column-rules.js";
import { refuse } from "./refuse.js";
import { column, constant, exactNumber, positive, text } from "./scalars.js";

const element = z
  .union([column, z.strictObject({ column, ...ofColumn, ...rules }).superRefine(checkColumn)])
  .meta({ description: "A column, or a column with its rules." });

const listKeys = ["dim", "pad_to", "pad_with", "keep", "mask"] as const;

function checkPadding(
  value: { readonly [key in (typeof listKeys)[number]]?: unknown },
  context: z.RefinementCtx,
): void {
  if (value.pad_to !== undefined) {
    if (value.dim === undefined) return;
    const message = "`dim` wants lists of one length, and `pad_to` makes them so";
    refuse(context, { key: "dim", message, suggestion: "keep one of the two" });
    return;
  }
  for (const key of ["pad_with", "keep", "mask"] as const)
    if (value[key] !== undefined) {
      const message = `\`${key}\` means nothing without \`pad_to\``;
      refuse(context, { key, message, suggestion: "add `pad_to`, or remove it" });
    }
}

const mapping = z
  .strictObject({
    column: column.optional().meta({ description: "The one column that fills this input." }),
    ...ofColumn,
    stack: z
      .array(element)
      .min(1, { error: "the list is empty" })
      .optional()
      .meta({
        description: "Columns that are put side by side into one tensor, in this order.",
        examples: [["distance", { column: "date", part: "hour" }]],
      }),
    list: column.optional().meta({ description: "A list column whose elements fill the tensor." }),
    dim: positive.optional().meta({ description: "Elements that every list must have." }),
    pad_to: positive.optional().meta({
      description:
        "Elements of a row: shorter lists are filled up behind. Longer ones fail their rows, unless `keep` says which end of them stays.",
      examples: [128],
    }),
    pad_with: z
      .union([z.string(), exactNumber])
      .optional()
      .meta({
        description: "What shorter lists are filled up with: 0, or the empty text, by default.",
        examples: [1],
      }),
    keep: z
      .enum(["first", "last"])
      .optional()
      .meta({
        description: "Which end of a list that is longer than `pad_to` stays.",
        examples: ["last"],
      }),
    mask: text.optional().meta({
      description:
        "Another input of the model, filled with 1 for every element of the list and 0 for padding.",
      examples: ["attention_mask"],
    }),
    value: constant.optional().meta({
      description: "The same value everywhere in this input, for every row: no column feeds it.",
      examples: [0],
    }),
    ...rules,
  })
  .superRefine((value, context) => {
    const kinds = (["column", "stack", "list", "value"] as const).filter((kind) => value[kind] !== undefined);
    const [kind, second] = kinds;
    const meaningless = (key: string, suggestion: string): void =>
      refuse(context, { key, message: `\`${key}\` means nothing with \`${kind}\``, suggestion });
    if (kind === undefined) {
      const message = "it does not say what feeds this input";
      refuse(context, { message, suggestion: "add `column`, `stack` or `list`, or `value` for a constant" });
    } else if (second !== undefined) {
      const message = `\`${kind}\` and \`${second}\` exclude each other`;
      refuse(context, { key: second, message, suggestion: "keep one of the two" });
    } else {
      if (kind !== "list")
        for (const key of listKeys)
          if (value[key] !== undefined) meaningless(key, "use it with `list`, or remove it");
      if (kind === "value") {
        for (const key of ["part", "timezone", "map", "nulls", "cast", "dtype"] as const)
          if (value[key] !== undefined) meaningless(key, "remove it");
        return;
      }
      if (kind === "column") return checkColumn(value, context);
      if (kind === "list") {
        checkPadding(value, context);
        checkMap(value, context);
      }
      const way = kind === "stack" ? "put it into an element of `stack`" : "remove it";
      for (const key of ["part", "timezone"] as const) if (value[key] !== undefined) meaningless(key, way);
      if (kind === "stack" && value.map !== undefined) meaningless("map", way);
    }
  });

export const features = z
  .record(
    z.string(),
    z.union([column, mapping]).meta({
      description: "How one input of the model is filled: a column's name, or a mapping.",
      examples: [{ column: "origin" }],
    }),
  )
  .meta({
    description:
      "How columns feed the model, by input. Optional where the columns are named like the inputs.",
    examples: [{ float_input: { stack: ["distance", "hour"] } }],
  });
