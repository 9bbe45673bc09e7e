import { z } from "zod";
import { type PathType, pathTypes } from "../../data/column.js";
import { parseDurationMs } from "../quantities.js";
import { refuse } from "./refuse.js";
import { column, columns, constant, duration, oneOrMore, text } from "./scalars.js";

const parameter = z.union([constant, z.null(), z.array(z.union([constant, z.null()]))]);

/** Default interval between two checks for missing input. */
const usualPoll = "1m";

const waitFor = z
  .strictObject({
    timeout: duration.meta({
      description: "How long a run waits for its input, from its first check.",
      examples: ["3h"],
    }),
    poll: duration.default(usualPoll).meta({ description: "Time between two checks." }),
    marker: text.optional().meta({
      description:
        "Name of a file that each directory of `from` contains once its input is complete. Without it, input is complete when a file matches, or when the query has rows.",
      examples: ["_SUCCESS"],
    }),
  })
  .superRefine((value, context) => {
    const { poll, marker } = value;
    if (parseDurationMs(poll) < 1000)
      refuse(context, { key: "poll", message: "it is shorter than a second", suggestion: "write `1m`" });
    if (marker !== undefined && /[/*?[\]{}]/.test(marker))
      refuse(context, {
        key: "marker",
        message: "it is the name of one file, without a directory or a pattern",
        suggestion: "for example `_SUCCESS`",
      });
  });

export const input = z
  .strictObject({
    from: oneOrMore.meta({
      description:
        "Parquet files, globs or directories, relative to the spec; or the URL of a PostgreSQL database. `key=value` directories below what is named, or matched by a wildcard, become columns.",
      examples: ["../data/dt={{ ds }}/*.parquet"],
    }),
    table: text.optional().meta({
      description: "With a database: the table or view to read, by its exact name.",
      examples: ["features.users"],
    }),
    query: text.optional().meta({
      description: "With a database, instead of `table`: the query to read. Values come from `params` only.",
      examples: ["select user_id, seen from features.users where region = $1"],
    }),
    params: z
      .array(parameter)
      .optional()
      .meta({
        description:
          "Values of `$1`, `$2` and so on in `query`. A template that is the whole value keeps its type.",
        examples: [["{{ ds }}"]],
      }),
    consistency: z.enum(["snapshot", "materialize", "none"]).optional().meta({
      description:
        "With a database: what all partitions see. `snapshot`: one moment, for as long as the run's coordinator lives. `materialize`: a copy that is made first. `none`: the rows at the time when each partition is read.",
    }),
    key: z
      .union([column, columns])
      .optional()
      .meta({
        description:
          "Columns that identify a row. They are always kept. Without a key a row is its file and row number.",
        examples: [["flight_id"]],
      }),
    wait_for: waitFor.optional().meta({
      description: "A run whose input has not arrived waits for it instead of failing.",
      examples: [{ timeout: "3h", poll: "1m", marker: "_SUCCESS" }],
    }),
    plain_files: z.boolean().optional().meta({
      description:
        "With files of a Delta, Hudi or Iceberg table: read them as they are. For a list of files that is known to be live.",
    }),
    missing_columns: z.enum(["fail", "nulls"]).optional().meta({
      description:
        "What happens when some of several files lack a column that the job reads: the plan is refused (`fail`, the default), or the column is null in their rows.",
    }),
    path_columns: z
      .record(column, z.enum(Object.keys(pathTypes) as [PathType, ...PathType[]]))
      .optional()
      .meta({
        description:
          "Types of columns that `key=value` directories carry. The others are text, unless a feature asks for a number, a date or a boolean.",
        examples: [{ month: "int64", dt: "date" }],
      }),
    on_empty: z.enum(["fail", "skip", "publish"]).default("fail").meta({
      description:
        "What happens when the input has no rows: the run fails, is skipped, or publishes an empty output.",
    }),
  })
  .meta({ description: "Where the rows come from.", examples: [{ from: "../data/*.parquet" }] });
