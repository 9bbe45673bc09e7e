import { z } from "zod";
import { refuse } from "./refuse.js";
import { column, columns, constant, text } from "./scalars.js";

export const write = z
  .strictObject({
    to: text.meta({
      description:
        "Directory to write to, relative to the spec; with the ending `.parquet`, one file. Created when it is missing. Or the URL of a PostgreSQL database.",
      examples: ["../out/flight-delay"],
    }),
    mode: z.enum(["error", "append", "replace", "upsert"]).default("error").meta({
      description:
        "`error`: the target must not exist. `append`: an interval's rows are added, once; scoring it again replaces them. `replace`: a run replaces all that was there; with `intervals` and `partition_by`, only the partitions that it writes. `upsert`, in a database: rows are replaced by key.",
    }),
    table: text.optional().meta({
      description: "With a database: the table to write to, by its exact name.",
      examples: ["scores.flight_delay"],
    }),
    key: z
      .union([column, columns])
      .optional()
      .meta({
        description: "With a database: columns that identify a row of the table. Defaults to `input.key`.",
        examples: [["flight_id"]],
      }),
    create: z
      .boolean()
      .optional()
      .meta({ description: "With a database: create the table if it is missing.", examples: [true] }),
    on_missing: z.enum(["keep", "delete"]).optional().meta({
      description: "With `upsert`: what happens to rows whose keys are no longer in the input.",
    }),
    quarantine: z
      .strictObject({
        table: text
          .optional()
          .meta({ description: "A table of the same database.", examples: ["scores.bad"] }),
        directory: text.optional().meta({
          description: "A directory, relative to the spec, for Parquet files.",
          examples: ["../out/quarantine"],
        }),
      })
      .superRefine(({ table, directory }, context) => {
        if ((table === undefined) === (directory === undefined))
          refuse(context, {
            message: "`quarantine` is a table or a directory",
            suggestion: "write `quarantine: { table: scores.bad }`",
          });
      })
      .optional()
      .meta({
        description: "With a database: where to write rows that could not be scored.",
        examples: [{ table: "scores.bad" }],
      }),
    timestamps: z.enum(["exact", "round"]).optional().meta({
      description:
        "With a database: what happens to instants with more than microsecond precision, which PostgreSQL does not store. Their rows fail (`exact`, the default), or they are rounded.",
    }),
    layout: z
      .record(z.string(), z.enum(["jsonb", "array", "vector", "halfvec", "explode"]))
      .optional()
      .meta({
        description:
          "With a database: how list columns are written. `vector`, `halfvec`: types of pgvector, rounded to them. `explode`: a row for each element; one column at most.",
        examples: [{ recommendations: "jsonb" }],
      }),
    partition_by: columns.optional().meta({
      description: "Columns that become `column=value` directories instead of columns in the files.",
      examples: [["dt"]],
    }),
    add: z
      .record(z.string(), constant)
      .default({})
      .meta({
        description: "Constant columns. Here alone, `run.*` and `model.*` may be used in templates.",
        examples: [{ dt: "{{ ds }}", model_sha256: "{{ model.sha256 }}" }],
      }),
  })
  .meta({ description: "Where the predictions go, and how.", examples: [{ to: "../out/flight-delay" }] });
