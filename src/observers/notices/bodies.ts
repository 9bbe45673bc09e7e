/** Formats a notice for a webhook and for Slack. */
import { headlineOf, type Notice, type NoticeEvent } from "../../job/notice.js";
import { noticeIdOf } from "./notice-id.js";

/** Documented in docs/observing.md: fields are added, never changed, under one version. */
export function webhookBody(notice: Notice): object {
  return {
    version: 1,
    id: noticeIdOf(notice),
    ...notice,
    text: headlineOf(notice),
  };
}

const signs: { readonly [event in NoticeEvent]: string } = {
  failed: ":red_circle:",
  recovered: ":large_green_circle:",
  late: ":hourglass_flowing_sand:",
  waiting: ":hourglass:",
};

/** Slack refuses sections of more than 3,000 characters. */
const mostCharacters = 2_500;

export function slackBody(notice: Notice): object {
  const { event, error, remedy, runId, target, trigger } = notice;
  const headline = headlineOf(notice);
  const about = [`to \`${plain(target)}\``, runId === null ? null : `run \`${runId}\``, `by ${trigger}`];
  const sections = [
    `${signs[event]} *${plain(headline)}*`,
    ...(error === null ? [] : [`${plain(cut(error.message))}\n_${error.code}_`]),
    ...(error?.hint == null ? [] : [`>${plain(cut(error.hint)).replaceAll("\n", "\n>")}`]),
    ...(remedy === null ? [] : [`Once fixed: \`${plain(remedy)}\``]),
  ];
  return {
    // The text that a phone's lock screen shows.
    text: plain(headline),
    blocks: [
      ...sections.map((text) => ({ type: "section", text: markdown(text) })),
      {
        type: "context",
        elements: [markdown(about.filter((part) => part !== null).join("  ·  "))],
      },
    ],
  };
}

/**
 * Escapes a text so that nothing in it is code, a link or a mention. Slack has no escape for a backtick, so
 * another accent replaces it; a zero-width space keeps a URL from becoming a link.
 */
function plain(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll("`", "\u02cb")
    .replaceAll("://", ":\u200b//");
}

/** `verbatim`: Slack adds no links and mentions by itself. */
function markdown(text: string): object {
  return { type: "mrkdwn", text, verbatim: true };
}

function cut(text: string): string {
  return text.length <= mostCharacters ? text : `${text.slice(0, mostCharacters)}…`;
}
