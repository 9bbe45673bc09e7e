import { z } from "zod";
import { refuse } from "./refuse.js";
import { column } from "./scalars.js";

const label = z.union([z.string(), z.int(), z.boolean()]).meta({
  description: "Class label; for an output without labels, the index of the element.",
  examples: ["1"],
});

const output = z
  .strictObject({
    column: column.optional().meta({ description: "Name of the one column that this output becomes." }),
    columns: z
      .record(z.string(), label)
      .refine((columns) => Object.keys(columns).length > 0, { error: "it names no column" })
      .optional()
      .meta({
        description: "New columns, each with the class label whose probability it holds.",
        examples: [{ p_late: "1" }],
      }),
  })
  .superRefine((value, context) => {
    const suggestion = "keep one of the two";
    if (value.column !== undefined && value.columns !== undefined)
      refuse(context, { key: "columns", message: "`column` and `columns` exclude each other", suggestion });
    if (value.column === undefined && value.columns === undefined)
      refuse(context, {
        message: "it does not say which columns this output becomes",
        suggestion: "add `column` or `columns`",
      });
  })
  .meta({ description: "How one output of the model becomes columns.", examples: [{ column: "score" }] });

export const outputs = z.record(z.string(), output).meta({
  description:
    "How the model's outputs become columns, by output. Where any is listed, the others are left out; without `outputs`, each gets its default columns.",
  examples: [{ probabilities: { columns: { p_late: "1" } } }],
});

export const passthrough = z.union([z.array(column), z.enum(["rest", "all", "none"])]).meta({
  description:
    "Input columns to keep beside the key: a list, `rest` (all that are no features), `all` or `none`. Without it: none in a job with a key, else `rest`.",
  examples: [["date"]],
});
