/** Turns refusals of Redis into errors that name the place and the remedy. */
import type { Redis } from "ioredis";
import type { InfraError } from "../../errors.js";
import { queueRefused, queueUnready } from "../refusals.js";

/** Types of the keys that BullMQ stores for a queue, by the last part of their names. */
const expectedTypes: { readonly [key: string]: string } = {
  wait: "list",
  paused: "list",
  active: "list",
  prioritized: "zset",
  delayed: "zset",
  marker: "zset",
  completed: "zset",
  failed: "zset",
  stalled: "set",
  meta: "hash",
  events: "stream",
  id: "string",
  "stalled-check": "string",
};

/** The first word of the server's error, and what an operator can do about it. Other errors are temporary. */
const hints: { readonly [word: string]: string } = {
  NOPERM:
    "Allow the user of the queue's URL all commands that do not administer the server, on the keys nightshift:* (ACL SETUSER <user> ~nightshift:* &* +@all -@admin).",
  NOAUTH: "Put the server's user and password into the queue's URL.",
  WRONGPASS: "Check the user and the password in the queue's URL.",
  MOVED: "Name a single server of Redis: a cluster cannot be the queue.",
  CROSSSLOT: "Name a single server of Redis: a cluster cannot be the queue.",
};

const waitHints: { readonly [word: string]: string } = {
  OOM: "Raise maxmemory, or remove keys of other programs.",
  READONLY: "Name the primary in the queue's URL, or wait until this server is one.",
  MISCONF: "Check the server's log for the reason why it cannot save: most often its disk is full.",
  LOADING: "Wait until the server has loaded its data.",
  MASTERDOWN: "Check why the replica has lost its primary, or name the primary in the queue's URL.",
  BUSY: "Check which script keeps the server busy, and end it with SCRIPT KILL.",
};

/**
 * @param key the conflicting key, if that is the cause
 * @returns `null` if it is not an answer of the server
 */
export function redisRefusal(
  error: Error,
  {
    place,
    queue,
    wrong,
  }: { readonly place: string; readonly queue: string | null; readonly wrong: WrongKey | null },
): InfraError | null {
  if (wrong !== null) return wrongKey(place, wrong);
  if (error.name !== "ReplyError") return null;
  const word = wordOf(error.message);
  const options = { details: { queue, answer: word }, cause: error };
  const message = `the queue at ${place} refuses a command: ${error.message}`;
  if (word === "WRONGTYPE")
    return queueRefused(message, {
      ...options,
      hint: `Remove the keys that begin with nightshift:${queue ?? ""} and are another program's, or ${elsewhere}.`,
    });
  if (/^ERR unknown command/.test(error.message))
    return queueRefused(message, {
      ...options,
      hint: "Use Redis 6.2 or later, without renamed or disabled commands.",
    });
  const hint = hints[word];
  if (hint !== undefined) return queueRefused(message, { ...options, hint });
  return queueUnready(message, { ...options, hint: waitHints[word] ?? "See the server's log." });
}

/** The first word; for an error in a script, the word after `ERR`. */
function wordOf(message: string): string {
  const known = [...Object.keys(hints), ...Object.keys(waitHints), "WRONGTYPE"];
  return known.find((word) => new RegExp(`\\b${word}\\b`).test(message)) ?? message.split(" ", 1)[0] ?? "";
}

export interface WrongKey {
  readonly key: string;
  readonly found: string;
  readonly expected: string;
}

/** Finds a key of the queue that another program wrote. BullMQ ignores some of them without an error. */
export async function findWrongKey(redis: Redis, prefix: string, queue: string): Promise<WrongKey | null> {
  const names = Object.keys(expectedTypes);
  const asked = redis.pipeline();
  for (const name of names) asked.type(`${prefix}:${queue}:${name}`);
  asked.get(`${prefix}:${queue}:id`);
  const answers = (await asked.exec()) ?? [];
  for (const [at, name] of names.entries()) {
    const [error, found] = answers[at] ?? [];
    const expected = expectedTypes[name] ?? "";
    if (error === null && found !== "none" && found !== expected)
      return { key: `${prefix}:${queue}:${name}`, found: String(found), expected };
  }
  const [, counter] = answers[names.length] ?? [];
  if (typeof counter !== "string" || /^-?\d+$/.test(counter)) return null;
  return { key: `${prefix}:${queue}:id`, found: "string that is not a number", expected: "whole number" };
}

function wrongKey(place: string, { key, found, expected }: WrongKey): InfraError {
  return queueRefused(
    `the queue at ${place}: the key ${key} is a ${found}, and the queue needs a ${expected}`,
    {
      hint: `Remove it (redis-cli DEL ${key}) if no other program needs it; otherwise ${elsewhere}.`,
      details: { key, found, expected },
    },
  );
}

const elsewhere =
  "give the coordinator and all workers another database of the server, such as redis://host:6379/1";
