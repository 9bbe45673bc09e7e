import { z } from "zod";
import { closest } from "../../text/closest-word.js";
import { isTimezone } from "../../time/zone-clock.js";
import { didYouMean } from "../did-you-mean.js";

const zones = ["UTC", ...Intl.supportedValuesOf("timeZone")];

/** An IANA time zone. An unknown name is answered with the most similar one. */
export const timezone = z.string().superRefine((name, context) => {
  if (isTimezone(name)) return;
  context.addIssue({
    code: "custom",
    message: `there is no time zone \`${name}\``,
    params: { suggestion: didYouMean(closest(name, zones)) ?? "use an IANA name such as `Europe/Berlin`" },
  });
});
