/** A real Redis for tests: the one behind REDIS_URL, an installed one, or Debian's packages, unpacked and not installed. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { freePort, serverUser } from "./server-process.js";
import { installedProgram, isExecutable, unpackedPackages } from "./unpacked-packages.js";

export interface RedisServer {
  readonly url: string;
  /** FLUSHALL: everything that waited in queues is gone. */
  flush(): Promise<void>;
  /** Without a word, and without writing anything down. The environment's own server is left alone. */
  kill(): Promise<void>;
  /** At the same address as before. */
  start(): Promise<void>;
  /** Ends it and removes all there is of it. */
  remove(): Promise<void>;
}

const howTo =
  "these tests need a Redis: set REDIS_URL (a server that tests may empty), or install redis-server; on Debian and Ubuntu it is fetched where apt-get can";

/** Nothing is kept on disk: a restart loses everything. */
export async function startRedis(): Promise<RedisServer> {
  const given = process.env.REDIS_URL;
  if (given) return { url: given, flush: () => flush(given), ...untouched };
  const { command, libraries } = redisBinary();
  const directory = mkdtempSync(join(tmpdir(), "nightshift-redis-"));
  const user = serverUser();
  chmodSync(directory, 0o755);
  if (user.uid !== undefined) chownSync(directory, user.uid, user.gid ?? user.uid);
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}/0`;
  let server: ChildProcess | null = null;

  async function start(): Promise<void> {
    const settings = { port, bind: "127.0.0.1", dir: directory, save: "", "maxmemory-policy": "noeviction" };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const log = join(directory, "log");
    const started = spawn(command, [...args, "--logfile", log], {
      ...user,
      stdio: "ignore",
      env: { ...process.env, ...(libraries === null ? {} : { LD_LIBRARY_PATH: libraries }) },
    });
    server = started;
    const startedMs = Date.now();
    while (!(await answers(url))) {
      if (started.exitCode !== null || Date.now() - startedMs > 30_000)
        throw new Error(
          `the test's Redis did not start: ${existsSync(log) ? readFileSync(log, "utf8") : ""}`,
        );
      await sleep(20);
    }
  }

  async function kill(): Promise<void> {
    const running = server;
    server = null;
    if (running === null || running.exitCode !== null) return;
    const exited = once(running, "exit");
    running.kill("SIGKILL");
    await exited;
  }

  const end = (): void => void server?.kill("SIGKILL");
  process.once("exit", end);
  await start();
  return {
    url,
    flush: () => flush(url),
    kill,
    start,
    async remove() {
      await kill();
      process.removeListener("exit", end);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

const untouched = { kill: async () => {}, start: async () => {}, remove: async () => {} };

interface Binary {
  readonly command: string;
  /** A folder with its libraries, where they are not the system's. */
  readonly libraries: string | null;
}

/** @throws Error with what to do */
function redisBinary(): Binary {
  const found = installed() ?? unpacked();
  if (found === null) throw new Error(howTo);
  return found;
}

function installed(): Binary | null {
  const command = installedProgram("redis-server", "valkey-server");
  return command === null ? null : { command, libraries: null };
}

function unpacked(): Binary | null {
  const names = ["redis-server", "redis-tools", "libjemalloc2", "liblzf1"];
  const root = unpackedPackages("redis-server", names);
  if (root === null) return null;
  const command = join(root, "usr/bin/redis-server");
  const triplet = process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
  return isExecutable(command) ? { command, libraries: join(root, "usr/lib", triplet) } : null;
}

async function answers(url: string): Promise<boolean> {
  return withRedis(url, async (redis) => (await redis.ping()) === "PONG").catch(() => false);
}

async function flush(url: string): Promise<void> {
  await withRedis(url, (redis) => redis.flushall());
}

async function withRedis<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  redis.on("error", () => undefined);
  try {
    await redis.connect();
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}
