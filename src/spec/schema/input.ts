import { z } from "zod";
import { column, columns, oneOrMore } from "./scalars.js";

export const input = z
  .strictObject({
    from: oneOrMore.meta({
      description:
        "Parquet files, globs or directories, relative to the spec. `key=value` directories below what is named, or matched by a wildcard, become columns.",
      examples: ["../data/dt={{ ds }}/*.parquet"],
    }),
    key: z
      .union([column, columns])
      .optional()
      .meta({
        description:
          "Columns that identify a row. They are always kept. Without a key a row is its file and row number.",
        examples: [["flight_id"]],
      }),
    on_empty: z.enum(["fail", "skip", "publish"]).default("fail").meta({
      description:
        "What happens when the input has no rows: the run fails, is skipped, or publishes an empty output.",
    }),
  })
  .meta({ description: "Where the rows come from.", examples: [{ from: "../data/*.parquet" }] });
