/** Sends notices in the background. Only a shutdown waits for them, up to `graceMs`. */
import type { Notice, NotifySettings } from "../../job/notice.js";
import { slackBody, webhookBody } from "./bodies.js";
import { deliver } from "./deliver.js";

export interface OutboxOptions {
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Masks secrets in the text that is sent. */
  readonly mask: (text: string) => string;
  /** Called with a message about each failed delivery. */
  readonly onTrouble: (text: string) => void;
  readonly answerWithinMs?: number;
}

export interface Outbox {
  /** Sends a notice to all channels that are configured for its event. */
  send(notice: Notice, to: NotifySettings): void;
  /** Waits up to `graceMs` for pending deliveries, then abandons the rest. */
  close(graceMs: number): Promise<void>;
}

export function createOutbox(options: OutboxOptions): Outbox {
  const { mask, pause, onTrouble } = options;
  const underWay = new Set<Promise<void>>();
  const giveUp = new AbortController();

  function post(channel: string, url: string, body: object, { event, job }: Notice): void {
    const sent = deliver({ url, body }, { ...options, signal: giveUp.signal }).then((failure) => {
      underWay.delete(sent);
      if (failure !== null)
        onTrouble(
          `${channel} at ${new URL(url).host} did not receive the notice that ${job} ${said[event]}: ${failure}`,
        );
    });
    underWay.add(sent);
  }

  return {
    send(notice, { events, webhook, slack }) {
      if (!events.includes(notice.event)) return;
      const clean = masked(notice, mask);
      if (webhook !== null) post("the webhook", webhook, webhookBody(clean), notice);
      if (slack !== null) post("Slack", slack, slackBody(clean), notice);
    },
    async close(graceMs) {
      const enough = new AbortController();
      const late = pause(graceMs, enough.signal).then(() => giveUp.abort());
      await Promise.all(underWay);
      enough.abort();
      await late;
    },
  };
}

const said = { failed: "failed", recovered: "recovered", late: "is late", waiting: "is waiting" } as const;

function masked(notice: Notice, mask: (text: string) => string): Notice {
  const { error, remedy } = notice;
  if (error === null) return notice;
  const hint = error.hint === null ? null : mask(error.hint);
  return {
    ...notice,
    error: { ...error, message: mask(error.message), hint },
    remedy: remedy && mask(remedy),
  };
}
