/**
 * Two coordinators and three workers on real servers, while somebody kills, stops, cuts off, flushes and restarts whatever
 * there is. Every row is published once and right all the same. A worker reaches its servers through a proxy, where the
 * machine allows it from a network of its own.
 */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type CuttingProxy, cuttingProxy } from "./cutting-proxy.js";
import { type FlightProject, flightProject, keysBelow, rowsIn } from "./flight-project.js";
import { ownNetwork } from "./own-network.js";
import type { PostgresServer } from "./postgres-server.js";
import { type Fleet, queueFleet, type WorkerProcess } from "./queue-fleet.js";
import { seededRandom } from "./seeded-random.js";

export interface SoakOptions {
  readonly kind: "redis" | "postgres";
  readonly server: PostgresServer;
  readonly seconds: number;
  readonly seed: number;
  /** A coordinator is killed about so often. */
  readonly coordinatorEverySeconds: number;
}

export type SoakReport = { readonly [what: string]: unknown };

/** A worker's machine: whoever works there comes and goes. */
interface Place {
  readonly proxies: readonly CuttingProxy[];
  readonly env: { readonly [name: string]: string };
  readonly through: readonly string[];
  readonly network: string;
  worker: WorkerProcess | null;
  remove(): Promise<void>;
}

/** A partition whose worker was killed. */
interface Orphan {
  readonly runId: unknown;
  readonly partition: unknown;
  readonly killedMs: number;
}

/** Partitions take their time, so that they can be hit in the middle; bundles of hooks reach workers by digest. */
const slowHook =
  "export default async (chunk: any) => {\n  await new Promise((go) => setTimeout(go, 250));\n  return chunk;\n};\n";

export async function soak({
  kind,
  server,
  seconds,
  seed,
  coordinatorEverySeconds,
}: SoakOptions): Promise<SoakReport> {
  const random = seededRandom(seed);
  const slow = { rowsAFile: 200, limits: ["max_attempts: 3"], post: slowHook };
  const fleet = await queueFleet(kind, { ...slow, server, files: 18 });
  const projects = [fleet.project, flightProject({ ...slow, files: 9 })];
  const counts = new Map<string, number>();
  const count = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1);
  const orphans: Orphan[] = [];
  const places: Place[] = [];
  const coordinators = new Map<FlightProject, () => void>();
  const endMs = Date.now() + seconds * 1000;
  const over = new AbortController();
  const failures: unknown[] = [];

  const between = (leastSeconds: number, mostSeconds: number): number =>
    (leastSeconds + random() * (mostSeconds - leastSeconds)) * 1000;
  const oneOf = <T>(all: readonly T[]): T => {
    const found = all[Math.floor(random() * all.length)];
    if (found === undefined) throw new Error("none");
    return found;
  };

  async function employ(place: Place): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        const worker = await fleet.worker(place);
        place.worker = worker;
        void worker.finished.then(({ status, stderr }) => {
          // Nothing that happens to its servers ends a worker.
          if (place.worker === worker) failures.push(new Error(`a worker ended with ${status}: ${stderr}`));
        });
        return;
      } catch (error) {
        // The servers may be away just now.
        if (tries === 20) throw error;
        await sleep(1_000);
      }
    }
  }

  async function killWorker(): Promise<void> {
    const place = oneOf(places);
    const { worker } = place;
    if (worker === null) return;
    place.worker = null;
    worker.child.kill("SIGKILL");
    const killedMs = Date.now();
    orphans.push(...underWay(worker).map((ref) => ({ ...ref, killedMs })));
    await worker.finished;
    count("workers killed");
    await employ(place);
  }

  /** Stopped for longer than its lease, and sometimes its host, which then cannot end itself. */
  async function makeZombie(): Promise<void> {
    const { worker } = oneOf(places);
    if (worker === null) return;
    const host = random() < 0.5 ? childOf(worker) : null;
    signal(host, "SIGSTOP");
    worker.child.kill("SIGSTOP");
    await sleep(3_500);
    signal(host, "SIGCONT");
    worker.child.kill("SIGCONT");
    count(host === null ? "workers stopped for a while" : "workers and their hosts stopped for a while");
  }

  async function disturbNetwork(): Promise<void> {
    const { proxies } = oneOf(places);
    const proxy = oneOf(proxies);
    const choice = random();
    if (choice < 0.4) {
      proxy.cutAll();
      count("connections cut");
    } else if (choice < 0.7) {
      proxy.delay(between(0.05, 0.4));
      await sleep(4_000);
      proxy.delay(0);
      count("connections slow for a while");
    } else {
      proxy.freeze(choice < 0.85 ? "everything" : "answers");
      count("connections half open");
    }
  }

  async function disturbQueue(): Promise<void> {
    const { redis } = fleet;
    if (redis === null) return;
    if (random() < 0.6) {
      await redis.flush();
      count("FLUSHALL");
      return;
    }
    await redis.kill();
    await sleep(between(0.2, 2));
    await redis.start();
    count("restarts of Redis");
  }

  async function crashDatabase(): Promise<void> {
    await server.restart({ mode: "immediate" });
    count("crashes of PostgreSQL");
  }

  async function killCoordinator(): Promise<void> {
    coordinators.get(oneOf(projects))?.();
  }

  async function nowAndThen(least: number, most: number, disturb: () => Promise<void>): Promise<void> {
    for (;;) {
      await sleep(between(least, most), undefined, { signal: over.signal }).catch(() => undefined);
      if (over.signal.aborted) return;
      await disturb();
    }
  }

  /** Publishes a project again and again; whoever is killed in the middle is followed by a retry. */
  async function coordinate(project: FlightProject, expected: readonly object[]): Promise<void> {
    do {
      let argv = ["run", "flights", "--reprocess"];
      for (;;) {
        const run = fleet.coordinator(project.cwd, argv);
        coordinators.set(project, () => {
          if (run.child.kill("SIGKILL")) count("coordinators killed");
        });
        const { status, stderr } = await run.finished;
        if (status === 0) break;
        const reason = `${stderr}${JSON.stringify(run.events.at(-1))}`;
        const mayGoOn = status === null || status === 3 || /infra\.|unreachable|connection/.test(reason);
        if (!mayGoOn) throw new Error(`a coordinator ended with ${status}: ${reason}`);
        if (status !== null) count("coordinators that gave up for their servers");
        const runId = run.events.find(({ type }) => type === "run.started")?.runId;
        if (runId !== undefined) argv = ["retry", String(runId)];
        await sleep(500);
      }
      coordinators.delete(project);
      count("publications");
      refuseOthers(await rowsIn(project.out), expected);
    } while (Date.now() < endMs && failures.length === 0);
  }

  try {
    const expected: (readonly object[])[] = [];
    for (const project of projects) expected.push(await scoredHere(project));
    for (let index = 0; index < 3; index++) places.push(await placeFor(fleet));
    await Promise.all(places.map(employ));
    const disturbing = Promise.all([
      nowAndThen(2, 5, killWorker),
      nowAndThen(8, 14, makeZombie),
      nowAndThen(3, 8, disturbNetwork),
      nowAndThen(9, 18, disturbQueue),
      nowAndThen(25, 45, crashDatabase),
      nowAndThen(coordinatorEverySeconds * 0.8, coordinatorEverySeconds * 1.2, killCoordinator),
    ]);
    disturbing.catch((error) => failures.push(error));
    setTimeout(() => over.abort(), seconds * 1000);
    await Promise.all(projects.map((project, index) => coordinate(project, expected[index] ?? [])));
    over.abort();
    await disturbing;
    if (failures.length > 0) throw failures[0];
    const network = places.map((place) => place.network).join("; ");
    return {
      kind,
      seed,
      seconds,
      network,
      ...Object.fromEntries(counts),
      ...(await storyOf(fleet, orphans)),
    };
  } finally {
    over.abort();
    for (const place of places) place.worker = null;
    await fleet.remove();
    for (const place of places) await place.remove();
    projects[1]?.remove();
  }
}

/** What is right: the same project scored by one process, before anything is disturbed. */
async function scoredHere(project: FlightProject): Promise<readonly object[]> {
  const { status, stderr } = project.nightshift("run", "flights");
  if (status !== 0) throw new Error(stderr);
  const rows = await rowsIn(project.out);
  refuseOthers(
    rows.map((row) => Number(row.flight_id)),
    keysBelow(project.rows),
  );
  return rows;
}

function refuseOthers(found: readonly unknown[], expected: readonly unknown[]): void {
  const text = (row: unknown): string =>
    JSON.stringify(row, (_, value) => (typeof value === "bigint" ? String(value) : value));
  const wrong = found.findIndex((row, index) => text(row) !== text(expected[index]));
  if (found.length !== expected.length || wrong >= 0)
    throw new Error(
      `${found.length} rows are published, ${expected.length} were expected; the first that differs is number ${wrong}: ${text(found[wrong])} instead of ${text(expected[wrong])}`,
    );
}

async function placeFor(fleet: Fleet): Promise<Place> {
  const network = ownNetwork();
  const [at, through] = typeof network === "string" ? ["127.0.0.1", []] : [network.host, network.through];
  const ledger = await proxied(fleet.database.url, at);
  const queue = fleet.redis === null ? ledger : await proxied(fleet.redis.url, at);
  const proxies = [...new Set([ledger.proxy, queue.proxy])];
  return {
    proxies,
    env: { NIGHTSHIFT_LEDGER: ledger.url, NIGHTSHIFT_QUEUE: queue.url },
    through,
    network: typeof network === "string" ? `none of its own (${network})` : "one of its own",
    worker: null,
    async remove() {
      for (const proxy of proxies) await proxy.close();
      if (typeof network !== "string") network.remove();
    },
  };
}

async function proxied(url: string, at: string) {
  const behind = new URL(url);
  const proxy = await cuttingProxy({ host: behind.hostname, port: Number(behind.port), at });
  behind.hostname = proxy.host;
  behind.port = String(proxy.port);
  return { proxy, url: behind.href };
}

/** What it has started, and not ended. */
function underWay({ events }: WorkerProcess) {
  const open = new Map<string, { readonly runId: unknown; readonly partition: unknown }>();
  for (const { type, runId, partition, epoch } of events) {
    const key = JSON.stringify([runId, partition, epoch]);
    if (type === "partition.started") open.set(key, { runId, partition });
    else open.delete(key);
  }
  return [...open.values()];
}

function childOf({ child }: WorkerProcess): number | null {
  try {
    const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim();
    return children === "" ? null : Number(children.split(" ")[0]);
  } catch {
    return null;
  }
}

/** Nothing where it is gone by now. */
function signal(pid: number | null, name: NodeJS.Signals): void {
  if (pid === null) return;
  try {
    process.kill(pid, name);
  } catch {
    // It is.
  }
}

/** What the ledger has seen, and the seconds from a worker's death until its partitions were accepted. */
async function storyOf({ database }: Fleet, orphans: readonly Orphan[]): Promise<SoakReport> {
  const rows = await database.query<{ what: string; count: number }>(
    `select body->>'type' || coalesce(' ' || (body->'error'->>'code'), '') as what, count(*)::int as count
     from nightshift.ledger_events group by 1 order by 1`,
  );
  const [starts] = await database.query<{ most: number }>(
    `select max(n)::int as most from (select count(*) as n from nightshift.ledger_events
     where body->>'type' = 'partition.started' group by run_id, body->>'partition') each`,
  );
  const redone = await database.query<{ p50: number; p95: number; most: number; times: number }>(
    `select percentile_cont(0.5) within group (order by took) as p50,
            percentile_cont(0.95) within group (order by took) as p95, max(took) as most, count(*)::int as times
     from (
       select extract(epoch from min(e.at))::float8 - (o->>'killedMs')::float8 / 1000 as took
       from json_array_elements($1::json) o join nightshift.ledger_events e
         on e.run_id = o->>'runId' and e.body->>'type' = 'partition.accepted' and e.body->>'partition' = o->>'partition'
       where extract(epoch from e.at) * 1000 > (o->>'killedMs')::float8
       group by o::text, o->>'killedMs'
     ) each`,
    [JSON.stringify(orphans)],
  );
  return {
    attempts: {
      ...Object.fromEntries(rows.map(({ what, count }) => [what, count])),
      "most for one partition": starts?.most,
    },
    "recovered after a kill, seconds": redone[0],
  };
}
