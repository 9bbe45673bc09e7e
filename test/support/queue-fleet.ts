/** A project whose partitions go over a real queue to workers, which are processes of their own; a real ledger, too. */
import { mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type FlightProject, flightProject, type ProjectOptions } from "./flight-project.js";
import { type RunLine, type Running, startNightshift } from "./nightshift.js";
import { createDatabase, type PostgresServer, type TestDatabase } from "./postgres-server.js";
import { type RedisServer, startRedis } from "./redis-server.js";

export interface WorkerProcess extends Running {
  /** What it has said so far. */
  readonly events: readonly RunLine[];
  /** Resolves with the first event like this one, now or when it comes; rejects when the worker ends without it. */
  said(event: { readonly type: string; readonly [field: string]: unknown }): Promise<RunLine>;
}

export interface WorkerOptions {
  readonly env?: { readonly [name: string]: string };
  readonly argv?: readonly string[];
  /** Words in front of the command: see own-network.ts. */
  readonly through?: readonly string[];
}

export interface Fleet {
  readonly project: FlightProject;
  readonly database: TestDatabase;
  /** `null`: the queue is in the database. */
  readonly redis: RedisServer | null;
  readonly queueUrl: string;
  /** Ready when it resolves. One thread, a lease of two seconds, a state directory of its own. */
  worker(options?: WorkerOptions): Promise<WorkerProcess>;
  /** A coordinator of the project's job. */
  run(options?: WorkerOptions): Running & { readonly events: readonly RunLine[] };
  /** The next coordinator of its last run. */
  retry(options?: WorkerOptions): Running;
  /** Of another project. */
  coordinator(
    cwd: string,
    argv: readonly string[],
    options?: WorkerOptions,
  ): Running & { readonly events: readonly RunLine[] };
  /** Ends every living process, and removes everything. */
  remove(): Promise<void>;
}

const leaseMs = 2_000;

export interface FleetOptions extends ProjectOptions {
  /** One of its own, for tests that crash it. */
  readonly server?: PostgresServer;
}

export async function queueFleet(
  kind: "redis" | "postgres",
  { server, ...options }: FleetOptions = {},
): Promise<Fleet> {
  const project = flightProject({ threads: "auto", ...options });
  const database = await (server === undefined ? createDatabase() : server.createDatabase());
  const redis = kind === "redis" ? await startRedis() : null;
  const queueUrl = redis === null ? database.url : redis.url;
  const env = { NIGHTSHIFT_LEDGER: database.url, NIGHTSHIFT_QUEUE: queueUrl };
  migrate(project, database.url);
  if (redis === null) migrate(project, "--queue", database.url);
  const processes: Running[] = [];

  function start(argv: readonly string[], more: WorkerOptions, cwd = project.cwd) {
    const events: RunLine[] = [];
    const listeners = new Set<() => void>();
    const state = mkdtempSync(join(project.cwd, ".state-"));
    const running = startNightshift(cwd, [...argv, "--json", "--state", state, ...(more.argv ?? [])], {
      env: { ...env, ...more.env },
      ...(more.through === undefined ? {} : { through: more.through }),
      onEvent: (event) => {
        events.push(event);
        for (const listener of listeners) listener();
      },
    });
    processes.push(running);
    return { ...running, events, listeners };
  }

  return {
    project,
    database,
    redis,
    queueUrl,

    async worker(more = {}) {
      const { listeners, ...started } = start(["worker", "--threads", "1", "--lease", `${leaseMs}ms`], more);
      const worker: WorkerProcess = {
        ...started,
        said: (wanted) =>
          new Promise((resolve, reject) => {
            const look = (): void => {
              const found = started.events.find((event) => isLike(event, wanted));
              if (found === undefined) return;
              listeners.delete(look);
              resolve(found);
            };
            listeners.add(look);
            void started.finished.then(({ stderr }) => {
              look();
              reject(new Error(`the worker ended and never said ${JSON.stringify(wanted)}: ${stderr}`));
            });
            look();
          }),
      };
      await worker.said({ type: "worker.ready" });
      return worker;
    },

    run: (more = {}) => start(["run", "flights"], more),
    retry: (more = {}) => start(["retry"], more),
    coordinator: (cwd, argv, more = {}) => start(argv, more, cwd),

    async remove() {
      for (const { child } of processes) {
        child.kill("SIGCONT");
        child.kill("SIGKILL");
      }
      await Promise.all(processes.map(({ finished }) => finished));
      await redis?.remove();
      await database.drop();
      project.remove();
    },
  };
}

/** The worker's host, which is what touches data. @throws Error where it has none just now */
export function hostOf({ child }: WorkerProcess): number {
  const [first = ""] = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").split(" ");
  if (first === "") throw new Error("the worker has no host");
  return Number(first);
}

function migrate(project: FlightProject, ...argv: readonly string[]): void {
  const { status, stderr } = project.nightshift("migrate", ...argv);
  if (status !== 0) throw new Error(stderr);
}

function isLike(event: RunLine, wanted: { readonly [field: string]: unknown }): boolean {
  return Object.entries(wanted).every(([name, value]) => event[name] === value);
}
