/** BullMQ on Redis. The client reconnects by itself: it waits for a server that is away for a while. */
import { setTimeout as sleep } from "node:timers/promises";
import { Queue, Worker } from "bullmq";
import { Redis, type RedisOptions } from "ioredis";
import { InfraError, SpecError } from "../../errors.js";
import { isQueueRefused } from "../refusals.js";
import { type Backend, receiverOptions, usualAnswerMs, usualLockMs } from "./bullmq-queue.js";
import { findWrongKey, redisRefusal } from "./redis-refusals.js";

const prefix = "nightshift";
const connectTimeoutMs = 5_000;
const firstTries = 5;
const loadingPauseMs = 1_000;

export function isRedisUrl(text: string): boolean {
  return /^rediss?:\/\//i.test(text);
}

/** Returns the URL's password for masking; `null` if it has none. @throws SpecError `queue.invalid` */
export function redisPassword(url: string): string | null {
  return decodeURIComponent(parse(url).password) || null;
}

/**
 * @param url `redis://` or `rediss://`, with user and password if the server requires them
 * @param lockMs a message whose worker is gone is delivered again after this time
 * @param answerMs a connection that is silent for longer is replaced
 * @throws SpecError `queue.invalid`; InfraError `infra.unreachable` after several tries,
 * `infra.authentication`
 */
export async function redisBackend(
  url: string,
  lockMs: number = usualLockMs,
  answerMs: number = usualAnswerMs,
): Promise<Backend> {
  const place = placeOf(url);
  await tryToReach(url, place, (redis) => redis.ping());
  const connections: Redis[] = [];

  function connection(): Redis {
    const redis = connect(url, {
      maxRetriesPerRequest: null,
      socketTimeout: answerMs,
      retryStrategy: (times) => Math.min(100 * times, 1_000),
    });
    connections.push(redis);
    return redis;
  }

  let asking: Redis | null = null;

  async function wrongKey(queue: string) {
    asking ??= connection();
    return findWrongKey(asking, prefix, queue);
  }

  return {
    place,
    lockMs,
    async check(queue) {
      const wrong = await wrongKey(queue);
      if (wrong !== null) throw redisRefusal(new Error(), { place, queue, wrong });
    },
    async explain(error, queue) {
      // While the server answers, a key of the wrong type is the only cause that has to be looked up.
      const wrong = error.name === "ReplyError" ? await wrongKey(queue).catch(() => null) : null;
      return redisRefusal(error, { place, queue, wrong }) ?? error;
    },
    sender: (name) => new Queue(name, { connection: connection(), prefix, skipMetasUpdate: true }),
    receiver: (name) =>
      new Worker(name, null, { connection: connection(), prefix, ...receiverOptions(lockMs) }),
    async close() {
      for (const redis of connections) redis.disconnect();
    },
  };
}

/** Facts that a server reports about itself; `null` if it does not report one. */
export interface RedisFacts {
  readonly place: string;
  readonly version: string | null;
  /** Which keys it removes when its memory is full; `noeviction`: none. */
  readonly evictionPolicy: string | null;
}

/** @throws as {@link redisBackend} */
export async function redisFacts(url: string): Promise<RedisFacts> {
  const place = placeOf(url);
  const info = await tryToReach(url, place, (redis) => redis.info());
  const of = (field: string): string | null =>
    new RegExp(`^${field}:(.+?)\\r?$`, "m").exec(info)?.[1] ?? null;
  return { place, version: of("redis_version"), evictionPolicy: of("maxmemory_policy") };
}

function placeOf(url: string): string {
  const { protocol, host, pathname } = parse(url);
  return `${protocol}//${host}${pathname === "/" ? "" : pathname}`;
}

function parse(url: string): URL {
  if (URL.canParse(url) && isRedisUrl(url)) return new URL(url);
  // The input is not repeated, because it may contain a password.
  throw new SpecError("queue.invalid", "the queue's URL cannot be read", {
    hint: "Give it as `redis://user:password@host:6379/0`, or `rediss://` with TLS.",
  });
}

function connect(url: string, options: Omit<RedisOptions, "replyMapping">): Redis {
  const redis = new Redis(url, {
    connectTimeout: connectTimeoutMs,
    connectionName: "nightshift",
    ...options,
  });
  // BullMQ listens to errors too; without this listener, ioredis would print them.
  redis.on("error", () => undefined);
  return redis;
}

async function tryToReach<T>(url: string, place: string, ask: (redis: Redis) => Promise<T>): Promise<T> {
  let last: Error | null = null;
  const redis = connect(url, {
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    // A server that is still loading its data reports that, and counts as unreachable for now.
    enableReadyCheck: false,
    retryStrategy: (times) => (times < firstTries ? 200 * times : null),
  });
  redis.on("error", (error: Error) => {
    last = error;
  });
  try {
    await redis.connect();
    for (let tries = 1; ; tries++) {
      try {
        return await ask(redis);
      } catch (cause) {
        if (tries === firstTries || !/^LOADING/.test(messageOf(cause))) throw cause;
        await sleep(loadingPauseMs);
      }
    }
  } catch (cause) {
    throw unreachable(place, last ?? cause);
  } finally {
    redis.disconnect();
  }
}

function unreachable(place: string, cause: unknown): InfraError {
  const why = messageOf(cause);
  if (/NOAUTH|WRONGPASS|invalid password|NOPERM/i.test(why))
    return new InfraError("infra.authentication", `${place} rejects the login: ${why}`, {
      hint: "Check the user and the password in the queue's URL.",
      cause,
    });
  const refusal = cause instanceof Error ? redisRefusal(cause, { place, queue: null, wrong: null }) : null;
  if (isQueueRefused(refusal)) return refusal;
  if (refusal !== null) {
    const { message, hint = "", details } = refusal;
    return new InfraError("infra.unreachable", message, { hint, details, cause });
  }
  return new InfraError("infra.unreachable", `The queue at ${place} cannot be reached: ${why}`, {
    hint: "Check that Redis runs there, and that its port is open to this machine.",
    cause,
  });
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
