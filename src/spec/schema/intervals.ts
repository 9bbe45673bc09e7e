import { z } from "zod";
import { isCalendarDate } from "../../time/interval.js";
import { timezone } from "./timezone.js";

const date = z.string().refine(isCalendarDate, {
  error: "it is not a date of the calendar",
  params: { suggestion: "write it as 2026-01-15" },
});

export const intervals = z
  .strictObject({
    every: z.enum(["hour", "day", "week", "month"]).meta({
      description: "Length of the data interval that one run is for.",
      examples: ["day"],
    }),
    start: date.optional().meta({
      description:
        "Date on which the first interval begins. Weeks begin on its weekday and months on its day. Without it: Mondays, the 1st, and no first interval.",
      examples: ["2026-01-01"],
    }),
    timezone: timezone.default("UTC").meta({
      description: "IANA zone whose calendar cuts the intervals and gives `ds`.",
      examples: ["America/Sao_Paulo"],
    }),
    lookback: z
      .int()
      .min(1, { error: "it has to be 1 or more" })
      .max(100, { error: "it has to be 100 or less" })
      .optional()
      .meta({
        description:
          "Number of earlier intervals that a tick scores again if they were published from another spec, model or input.",
        examples: [1],
      }),
  })
  .superRefine((value, context) => {
    if (value.every === "month" && value.start !== undefined && Number(value.start.slice(8)) > 28)
      context.addIssue({
        code: "custom",
        path: ["start"],
        message: "not every month has this day",
        params: { suggestion: "let months begin on a day from 1 to 28" },
      });
  })
  .meta({
    description: "Data intervals: a run is for one of them, and templates such as `{{ ds }}` name it.",
    examples: [{ every: "day", start: "2026-01-01" }],
  });

export type IntervalsSpec = z.output<typeof intervals>;
