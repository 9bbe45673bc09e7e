/** Posts JSON to a server that may refuse it, hang, or be unreachable for a while. */

export interface Post {
  readonly url: string;
  readonly body: object;
}

export interface DeliverOptions {
  /** Waits; the signal ends the wait early. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Abandons the delivery immediately. */
  readonly signal: AbortSignal;
  readonly answerWithinMs?: number;
}

/** Pauses between tries. */
const pausesMs = [1_000, 5_000, 25_000];
const longestPauseMs = 60_000;

/** @returns `null` after a success, else the reason of the last failure, without the URL */
export async function deliver(post: Post, options: DeliverOptions): Promise<string | null> {
  const { pause, signal } = options;
  for (let tried = 0; ; tried++) {
    const failure = await tryOnce(post, options);
    if (failure === null) return null;
    const pauseMs = pausesMs[tried];
    if (failure.isFinal || pauseMs === undefined || signal.aborted)
      return `${failure.why}${tried === 0 ? "" : `, the last of ${tried + 1} times`}`;
    await pause(Math.max(pauseMs, failure.notBeforeMs), signal);
  }
}

interface Failure {
  readonly why: string;
  /** A retry is useless: the request itself is refused. */
  readonly isFinal: boolean;
  readonly notBeforeMs: number;
}

async function tryOnce(
  { url, body }: Post,
  { signal, answerWithinMs = 10_000 }: DeliverOptions,
): Promise<Failure | null> {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      // The spec does not name the target of a redirect, so redirects are not followed.
      redirect: "manual",
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerWithinMs)]),
    });
    await response.body?.cancel();
    if (response.ok) return null;
    const { status } = response;
    return {
      why: `it answered ${status}`,
      isFinal: status < 500 && status !== 408 && status !== 429,
      notBeforeMs: Math.min(longestPauseMs, Number(response.headers.get("retry-after") ?? 0) * 1000 || 0),
    };
  } catch (error) {
    return { why: whyNot(error, answerWithinMs), isFinal: signal.aborted, notBeforeMs: 0 };
  }
}

function whyNot(error: unknown, answerWithinMs: number): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return `it did not answer within ${answerWithinMs / 1000} s`;
  if (error.name === "AbortError") return "there was no more time";
  const cause =
    error.cause instanceof Error && "code" in error.cause ? String(error.cause.code) : error.message;
  return `it cannot be reached (${cause})`;
}
