/** Metrics of runs that may end before a scrape: pushed to a Pushgateway, or written to a file. */
import { rename, writeFile } from "node:fs/promises";
import { SpecError } from "../../errors.js";
import type { Exposition } from "./metrics.js";

/** A Pushgateway and the target group. */
export interface PushTarget {
  /** Address for messages, without credentials. */
  readonly place: string;
  readonly url: string;
  readonly headers: { readonly [name: string]: string };
}

const answerWithinMs = 5_000;

/**
 * @param given `http://host:9091`, or with a path whose last part is the group
 * @param job the group if none is given. A Pushgateway adds the group's name to all its metrics as the label
 * `job`.
 * @throws SpecError `usage.metrics-push`; the input is not repeated, since it may contain a password
 */
export function pushTarget(given: string, job: string): PushTarget {
  if (!URL.canParse(given) || !/^https?:$/.test(new URL(given).protocol))
    throw new SpecError("usage.metrics-push", "the address to push metrics to is not a URL", {
      hint: "Give --metrics-push or NIGHTSHIFT_METRICS_PUSH as `http://host:9091`, or `http://host:9091/group`.",
    });
  const { protocol, host, pathname, username, password } = new URL(given);
  const steps = pathname.split("/").filter((step) => step !== "");
  const group = steps.pop() ?? encodeURIComponent(job);
  const before = steps.map((step) => `/${step}`).join("");
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return {
    place: `${protocol}//${host}${before}`,
    url: `${protocol}//${host}${before}/metrics/job/${group}`,
    headers:
      credentials === ":" ? {} : { authorization: `Basic ${Buffer.from(credentials).toString("base64")}` },
  };
}

/** Replaces the metrics of these names in the group. @throws Error with the reason */
export async function pushMetrics(
  { url, headers }: PushTarget,
  { contentType, body }: Exposition,
): Promise<void> {
  const response = await fetch(url, {
    method: "POST",
    headers: { ...headers, "content-type": contentType },
    body,
    redirect: "error",
    signal: AbortSignal.timeout(answerWithinMs),
  }).catch((error: unknown) => {
    throw new Error(whyNot(error));
  });
  const answer = await response.text().catch(() => "");
  if (!response.ok) throw new Error(`it answered ${response.status}: ${answer.trim().slice(0, 200)}`);
}

function whyNot(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return `it did not answer within ${answerWithinMs / 1000} s`;
  return error.cause instanceof Error ? error.cause.message : error.message;
}

/** Writes a file for the textfile collector of a node exporter, atomically. */
export async function writeMetrics(path: string, { body }: Exposition): Promise<void> {
  const scratch = `${path}.${process.pid}.tmp`;
  await writeFile(scratch, body);
  await rename(scratch, path);
}
