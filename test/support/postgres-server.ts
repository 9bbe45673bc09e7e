/**
 * Real PostgreSQL servers for tests. One serves all files of a test run, each with databases of its own; tests that
 * crash a server, or want other settings, start one for themselves.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { postgresBinaries } from "./postgres-binaries.js";
import type { RunServer } from "./postgres-run.js";
import { freePort, serverUser } from "./server-process.js";

/** `fast` ends sessions and writes everything down; `immediate` is a crash: the next start recovers. */
export type StopMode = "fast" | "immediate";

export interface PostgresServer {
  readonly host: string;
  readonly port: number;
  /** Absolute; holds the socket, the data and the log. */
  readonly directory: string;
  /** For a superuser without a password. */
  url(database?: string): string;
  createDatabase(): Promise<TestDatabase>;
  stop(mode: StopMode): Promise<void>;
  start(): Promise<void>;
  restart(options: { readonly mode: StopMode }): Promise<void>;
  log(): string;
  /** Ends it and removes all there is of it. */
  remove(): Promise<void>;
}

export interface TestDatabase {
  readonly name: string;
  readonly url: string;
  query<R extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<R[]>;
  /** Ends every connection to it. */
  drop(): Promise<void>;
}

export interface ServerOptions {
  /** Lines of `postgresql.conf`. */
  readonly settings?: { readonly [name: string]: string };
  /** Lines of `pg_hba.conf` before those that let everybody on this machine in. */
  readonly access?: readonly string[];
  /** PEM: the server then speaks TLS. */
  readonly tls?: { readonly certificate: string; readonly key: string };
  /** Directory with `initdb` and `postgres`, where it is not the usual one. */
  readonly binaries?: string;
}

/** Where the run's own servers live; set by the global set-up. */
const sharedDirectory = "NIGHTSHIFT_TEST_POSTGRES_DIRECTORY";

/** A database of one's own on the run's server, which is started when the first one is asked for. */
export async function createDatabase(): Promise<TestDatabase> {
  return createOn(await sharedUrl());
}

/** What to say in a report: which server the tests ran on. */
export async function serverVersion(): Promise<string> {
  const [row] = await queryAt<{ server_version: string }>(await sharedUrl(), "show server_version");
  return row?.server_version ?? "unknown";
}

/** A server of one's own. `remove()` it; should the test die, it goes too. */
export async function startServer(options: ServerOptions = {}): Promise<PostgresServer> {
  const directory = mkdtempSync(join(tmpdir(), "nightshift-pg-"));
  return launch(directory, process.pid, options);
}

/** Of the environment's server, else of the run's own. */
async function sharedUrl(): Promise<string> {
  return process.env.DATABASE_URL || serverOfRun("", postgresBinaries);
}

/**
 * The URL of a server that all files of a run share. The first caller starts it, and looks for its programs.
 * @param suffix tells it from the run's other servers
 * @param binaries directory with `initdb` and `postgres`; throws an error that says what to do, which every caller gets
 */
export async function serverOfRun(suffix: RunServer, binaries: () => string): Promise<string> {
  const root = process.env[sharedDirectory];
  if (root === undefined) throw new Error("the run's global set-up did not say where its server is");
  const directory = root + suffix;
  const told = join(directory, "told.json");
  if (!existsSync(told) && isFirst(directory)) {
    const owner = Number(root.slice(root.lastIndexOf("-") + 1));
    const launched = async () => launch(directory, owner, { binaries: binaries() });
    const answer = await launched().then(
      (server) => ({ url: server.url() }),
      (error: unknown) => ({ error: error instanceof Error ? error.message : String(error) }),
    );
    writeFileSync(`${told}.new`, JSON.stringify(answer));
    renameSync(`${told}.new`, told);
  }
  while (!existsSync(told)) await sleep(50);
  const answer = JSON.parse(readFileSync(told, "utf8")) as { url?: string; error?: string };
  if (answer.url === undefined) throw new Error(answer.error);
  return answer.url;
}

function isFirst(directory: string): boolean {
  mkdirSync(directory, { recursive: true });
  try {
    mkdirSync(join(directory, "starting"));
    return true;
  } catch {
    return false;
  }
}

async function launch(directory: string, owner: number, options: ServerOptions): Promise<PostgresServer> {
  const { binaries = postgresBinaries() } = options;
  const port = await freePort();
  const data = join(directory, "data");
  const logFile = join(directory, "log");
  prepare(directory, binaries, port, options);
  spawn(
    process.execPath,
    [fileURLToPath(new URL("./postgres-watch.mjs", import.meta.url)), String(owner), directory],
    {
      detached: true,
      stdio: "ignore",
    },
  ).unref();
  let server: ChildProcess | null = null;
  const log = (): string => readFileSync(logFile, "utf8");

  async function start(): Promise<void> {
    const output = openSync(logFile, "a");
    const stdio = ["ignore", output, output] as const;
    const started = spawn(join(binaries, "postgres"), ["-D", data], {
      ...serverUser(),
      detached: true,
      stdio: [...stdio],
    });
    closeSync(output);
    server = started;
    // Test files end without waiting for it.
    started.unref();
    const startedMs = Date.now();
    while (!(await answers(url()))) {
      if (started.exitCode !== null || Date.now() - startedMs > 60_000)
        throw new Error(`the test's PostgreSQL did not start:\n${log()}`);
      await sleep(50);
    }
  }

  async function stop(mode: StopMode): Promise<void> {
    const running = server;
    server = null;
    if (running === null || running.exitCode !== null) return;
    const exited = once(running, "exit");
    running.kill(mode === "fast" ? "SIGINT" : "SIGQUIT");
    await exited;
  }

  function url(database = "postgres"): string {
    return `postgres://postgres@127.0.0.1:${port}/${database}`;
  }

  await start();
  return {
    host: "127.0.0.1",
    port,
    directory,
    url,
    createDatabase: () => createOn(url()),
    start,
    stop,
    async restart({ mode }) {
      await stop(mode);
      await start();
    },
    log,
    async remove() {
      await stop("immediate");
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function prepare(directory: string, binaries: string, port: number, options: ServerOptions): void {
  const data = join(directory, "data");
  const user = serverUser();
  chmodSync(directory, 0o755);
  for (const path of [data, join(directory, "socket")]) {
    mkdirSync(path);
    if (user.uid !== undefined) chownSync(path, user.uid, user.gid ?? user.uid);
  }
  chmodSync(data, 0o700);
  const flags = ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"];
  const made = spawnSync(join(binaries, "initdb"), flags, { ...user, encoding: "utf8" });
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}${made.stdout}${made.error ?? ""}`);
  const settings: { readonly [name: string]: string } = {
    listen_addresses: "127.0.0.1",
    port: String(port),
    unix_socket_directories: join(directory, "socket"),
    // A crash of the server loses nothing by it: the kernel keeps what was written.
    fsync: "off",
    shared_buffers: "64MB",
    max_connections: "100",
    password_encryption: "scram-sha-256",
    ...(options.tls === undefined
      ? {}
      : { ssl: "on", ssl_cert_file: "server.crt", ssl_key_file: "server.key" }),
    ...options.settings,
  };
  const lines = Object.entries(settings).map(
    ([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`,
  );
  appendFileSync(join(data, "postgresql.conf"), lines.join(""));
  const access = [...(options.access ?? []), "local all all trust", "host all all 127.0.0.1/32 trust"];
  writeFileSync(join(data, "pg_hba.conf"), `${access.join("\n")}\n`);
  for (const [name, text] of [
    ["server.crt", options.tls?.certificate],
    ["server.key", options.tls?.key],
  ] as const) {
    if (text === undefined) continue;
    const path = join(data, name);
    writeFileSync(path, text, { mode: 0o600 });
    if (user.uid !== undefined) chownSync(path, user.uid, user.gid ?? user.uid);
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    await queryAt(url, "select 1");
    return true;
  } catch {
    return false;
  }
}

let lastDatabase = 0;

/** A database of one's own on this server. */
export async function createOn(server: string): Promise<TestDatabase> {
  lastDatabase += 1;
  const name = `nightshift_test_${process.pid}_${Date.now().toString(36)}_${lastDatabase}`;
  await queryAt(server, `create database ${name} template template0`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return {
    name,
    url: url.href,
    query: (text, values) => queryAt(url.href, text, values),
    drop: async () => {
      await queryAt(server, `drop database if exists ${name} with (force)`);
    },
  };
}

/** Over a connection of its own; without values several statements may stand in one text. */
export async function queryAt<R extends pg.QueryResultRow>(
  url: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<R[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    const { rows } =
      values.length === 0 ? await client.query<R>(text) : await client.query<R>(text, [...values]);
    return rows;
  } finally {
    await client.end();
  }
}
