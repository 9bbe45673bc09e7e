/** BullMQ on Redis. Reconnecting is left to the client: a server that is away for a while is waited for. */
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

/** The URL's password, for whoever masks it; `null` without one. @throws SpecError `queue.invalid` */
export function redisPassword(url: string): string | null {
  return decodeURIComponent(parse(url).password) || null;
}

/**
 * @param url `redis://` or `rediss://`, with user and password where the server asks for them
 * @param lockMs after which a message comes again whose taker is gone
 * @param answerMs past it a connection over which nothing comes is replaced
 * @throws SpecError `queue.invalid`; InfraError `infra.unreachable` after several tries, `infra.authentication`
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
      // Nothing but a key can be asked for while the server answers.
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

/** What a server says of itself; `null` where it keeps that to itself. */
export interface RedisFacts {
  readonly place: string;
  readonly version: string | null;
  /** What it removes when its memory is full; `noeviction`: nothing. */
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
  // What was given is not repeated: it may hold a password.
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
  // Heard by BullMQ, too; unheard, it would be printed.
  redis.on("error", () => undefined);
  return redis;
}

async function tryToReach<T>(url: string, place: string, ask: (redis: Redis) => Promise<T>): Promise<T> {
  let last: Error | null = null;
  const redis = connect(url, {
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    // A server that still loads its data says so, and counts as one that cannot be reached yet.
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
    return new InfraError("infra.authentication", `${place} does not let us in: ${why}`, {
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
