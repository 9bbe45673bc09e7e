import { z } from "zod";
import { parseCron } from "../../time/cron.js";
import { constant, duration, positive } from "./scalars.js";
import { timezone } from "./timezone.js";

const cron = z.string().superRefine((text, context) => {
  const parsed = parseCron(text);
  if (parsed.kind === "cron") return;
  context.addIssue({
    code: "custom",
    message: parsed.message,
    params: { suggestion: "for example `15 2 * * *`: every night at 02:15" },
  });
});

export const schedule = z
  .strictObject({
    cron: cron.meta({
      description:
        "When a run is due: minute, hour, day of the month, month, day of the week; with `*`, lists, ranges, steps and names.",
      examples: ["15 2 * * *"],
    }),
    timezone: timezone.default("UTC").meta({
      description: "IANA zone whose clock `cron` is about.",
      examples: ["America/Sao_Paulo"],
    }),
    catchup: z.enum(["none", "latest", "all"]).default("latest").meta({
      description: "Which of the ticks run that came due while no scheduler was there.",
    }),
    overlap: z.enum(["skip", "queue", "cancel_running", "allow"]).default("skip").meta({
      description:
        "A tick while a run of the job goes on: left out, run after it, in place of it, or beside it.",
    }),
    start_deadline: duration.optional().meta({
      description: "A tick that could not start within this time is missed.",
      examples: ["6h"],
    }),
    retries: z
      .strictObject({
        max: positive.max(100, { error: "it has to be 100 or less" }).meta({
          description: "How many more tries a tick has whose run failed.",
          examples: [3],
        }),
        delay: duration.default("10m").meta({ description: "Time between two tries." }),
      })
      .optional()
      .meta({
        description:
          "A tick whose run failed for a reason that may pass, such as missing input or a server that is away, is tried again.",
        examples: [{ max: 3, delay: "10m" }],
      }),
    vars: z
      .record(z.string(), constant)
      .optional()
      .meta({
        description: "Values of the job's declared variables in runs that the schedule starts.",
        examples: [{ region: "br" }],
      }),
  })
  .meta({
    description:
      "When `nightshift serve` runs the job: each tick is for the latest interval that is over then.",
    examples: [{ cron: "15 2 * * *", timezone: "Europe/Berlin" }],
  });

export type ScheduleSpec = z.output<typeof schedule>;
