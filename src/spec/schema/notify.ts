import { z } from "zod";
import { noticeEvents } from "../../job/notice.js";
import { durationSyntax } from "../quantities.js";
import { text } from "./scalars.js";

export const wallTimeSyntax = /^([01]\d|2[0-3]):([0-5]\d)$/;

const deadline = z.string().refine((value) => durationSyntax.test(value) || wallTimeSyntax.test(value), {
  error: "a deadline is a time after the interval's end, such as `2h`, or a time of day, such as `06:00`",
});

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
export const notify = z
  .strictObject({
    events: z
      .array(z.enum(noticeEvents))
      .min(1, { error: "the list is empty" })
      .default([...noticeEvents])
      .meta({
        description:
          "Events to report: a run failed, the job is published again after a failure, an interval is not published by its deadline or will not be, a tick waits for its input or its next try.",
        examples: [["failed", "recovered"]],
      }),
    deadline: deadline.optional().meta({
      description:
        "Deadline for the publication of an interval: a time after its end, or the next time of day in the intervals' zone.",
      examples: ["2h", "06:00"],
    }),
    webhook: text.optional().meta({
      description:
        "URL that receives JSON by POST; write it as a reference, because anyone who knows it may post. Empty: no webhook.",
      examples: ["${NIGHTLY_WEBHOOK}"],
    }),
    slack: text.optional().meta({
      description: "URL of an incoming webhook of Slack; also as a reference.",
      examples: ["${SLACK_URL}"],
    }),
  })
  .meta({
    description: "Where `serve`, `run`, `retry` and `backfill` report the job's problems.",
    examples: [{ slack: "${SLACK_URL}", deadline: "06:00" }],
  });
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs

export type NotifySpec = z.output<typeof notify>;
