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
      description: "IANA time zone of `cron`.",
      examples: ["America/Sao_Paulo"],
    }),
    catchup: z.enum(["none", "latest", "all"]).default("latest").meta({
      description: "Which ticks run that were due while no scheduler was running.",
    }),
    overlap: z.enum(["skip", "queue", "cancel_running", "allow"]).default("skip").meta({
      description:
        "What happens to a tick while a run of the job is active: it is skipped, runs afterwards, replaces the run, or runs beside it.",
    }),
    start_deadline: duration.optional().meta({
      description: "A tick that could not start within this time is missed.",
      examples: ["6h"],
    }),
    retries: z
      .strictObject({
        max: positive.max(100, { error: "it has to be 100 or less" }).meta({
          description: "Number of retries of a tick whose run failed.",
          examples: [3],
        }),
        delay: duration.default("10m").meta({ description: "Time between two tries." }),
      })
      .optional()
      .meta({
        description:
          "Retries a tick whose run failed for a temporary reason, such as missing input or an unreachable server.",
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
      "When `nightshift serve` runs the job: each tick is for the latest interval that is complete at that time.",
    examples: [{ cron: "15 2 * * *", timezone: "Europe/Berlin" }],
  });

export type ScheduleSpec = z.output<typeof schedule>;
