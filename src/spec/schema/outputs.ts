import { z } from "zod";
import { refuse } from "./refuse.js";
import { column, positive, text } from "./scalars.js";

const label = z.union([z.string(), z.int(), z.boolean()]).meta({
  description: "Class label; for an output without labels, the index of the element.",
  examples: ["1"],
});

const atLeastOne = <Value extends z.ZodType>(value: Value) =>
  z
    .record(z.string(), value)
    .refine((columns) => Object.keys(columns).length > 0, { error: "it names no column" });

const threshold = atLeastOne(
  z.strictObject({
    label: label.optional().meta({
      description: "Class label whose probability is compared. Not needed where the output has one element.",
      examples: ["1"],
    }),
    at: z.number().meta({ description: "Threshold that the probability has to reach.", examples: [0.3] }),
  }),
);

const ids = z.strictObject({
  file: text.meta({
    description:
      "Parquet file, CSV with a header, or JSON array, relative to the spec: one id for each element, in order. Pinned by SHA-256 when a run is planned.",
    examples: ["../models/items.parquet"],
  }),
  column: column.optional().meta({
    description: "Column of the file that holds the ids. Not needed where it is the only one.",
    examples: ["item_id"],
  }),
});

const output = z
  .strictObject({
    column: column.optional().meta({ description: "Name of the one column that this output becomes." }),
    columns: atLeastOne(label)
      .optional()
      .meta({
        description: "New columns, each with the class label whose probability it holds.",
        examples: [{ p_late: "1" }],
      }),
    labels: z
      .union([
        z.array(text).min(1, { error: "the list is empty" }),
        z.record(z.string(), text).refine((names) => Object.keys(names).length > 0, {
          error: "it names no class",
        }),
      ])
      .optional()
      .meta({
        description:
          "Names for the classes: all in order, or some by the model's own label. `columns`, `argmax`, `threshold` and `top_k` use them.",
        examples: [{ "0": "in_time", "1": "late" }],
      }),
    argmax: column.optional().meta({
      description: "Name of a column that holds the label of the most probable class.",
      examples: ["predicted"],
    }),
    threshold: threshold.optional().meta({
      description: "New columns, each true where the probability of a class reaches a number.",
      examples: [{ is_late: { label: "1", at: 0.3 } }],
    }),
    top_k: positive.optional().meta({
      description:
        "The largest elements, best first, as a list of structs (`id`, `score`) in `column`. Without `ids` an element is called by its label, or its index.",
      examples: [50],
    }),
    ids: ids.optional().meta({
      description: "File that names the elements of the output.",
      examples: [{ file: "../models/items.parquet", column: "item_id" }],
    }),
    exclude: column.optional().meta({
      description: "List column of the input whose ids are left out of a row's `top_k`.",
      examples: ["seen"],
    }),
    rank: z
      .boolean()
      .optional()
      .meta({ description: "Adds `rank`, from 1, to the structs of `top_k`.", examples: [true] }),
  })
  .superRefine((value, context) => {
    const suggestion = "keep one of the two";
    const exclude = (key: string, other: string) =>
      refuse(context, { key, message: `\`${other}\` and \`${key}\` exclude each other`, suggestion });
    if (value.column !== undefined && value.columns !== undefined) exclude("columns", "column");
    else if (value.columns !== undefined && value.top_k !== undefined) exclude("columns", "top_k");
    if (Object.values(value).every((part) => part === undefined))
      refuse(context, {
        message: "it does not say which columns this output becomes",
        suggestion: "add `column`, `columns`, `argmax`, `threshold` or `top_k`",
      });
    if (value.top_k !== undefined) return;
    for (const key of ["ids", "exclude", "rank"] as const)
      if (value[key] !== undefined) {
        const message = `\`${key}\` means nothing without \`top_k\``;
        refuse(context, { key, message, suggestion: "add `top_k`, or remove it" });
      }
  })
  .meta({ description: "How one output of the model becomes columns.", examples: [{ column: "score" }] });

export const outputs = z.record(z.string(), output).meta({
  description:
    "How the model's outputs become columns, by output. If any is listed, the others are omitted; without this, all get their default columns.",
  examples: [{ probabilities: { columns: { p_late: "1" } } }],
});

export const passthrough = z.union([z.array(column), z.enum(["rest", "all", "none"])]).meta({
  description:
    "Input columns to keep beside the key: a list, `rest` (all that are not features), `all` or `none`. Without it: none in a job with a key, else `rest`.",
  examples: [["date"]],
});
