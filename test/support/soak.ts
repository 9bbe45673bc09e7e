/**
 * Two coordinators and three workers on real servers, while the test kills, stops, cuts off, flushes and restarts what
 * there is. Every row is published once and right all the same. A worker reaches its servers through a proxy, where the
 * machine allows it from a network of its own.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type FlightProject, flightProject, keysBelow, rowsIn } from "./flight-project.js";
import type { PostgresServer } from "./postgres-server.js";
import { hostOf, queueFleet, type WorkerProcess } from "./queue-fleet.js";
import { seededRandom } from "./seeded-random.js";
import { linesTo, type Place, placeFor } from "./soak-places.js";
import { type Orphan, type SoakReport, storyOf, underWay } from "./soak-report.js";

export interface SoakOptions {
  readonly kind: "redis" | "postgres";
  readonly server: PostgresServer;
  readonly seconds: number;
  readonly seed: number;
  /** A coordinator is killed about so often. */
  readonly coordinatorEverySeconds: number;
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
  const office = await linesTo(fleet, "127.0.0.1");
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
    const host = random() < 0.5 ? hostIfAny(worker) : null;
    signal(host, "SIGSTOP");
    worker.child.kill("SIGSTOP");
    await sleep(3_500);
    signal(host, "SIGCONT");
    worker.child.kill("SIGCONT");
    count(host === null ? "workers stopped for a while" : "workers and their hosts stopped for a while");
  }

  async function disturbNetwork(): Promise<void> {
    const isOfCoordinators = random() < 0.25;
    const proxy = oneOf(isOfCoordinators ? office.proxies : oneOf(places).proxies);
    // A ledger's answer is waited for ninety seconds, since a statement may take sixty.
    const mayFreeze = !isOfCoordinators || endMs - Date.now() > 100_000;
    const choice = mayFreeze ? random() : 0.7 * random();
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

  /** Publishes a project again and again; after a kill in the middle a retry follows. */
  async function coordinate(project: FlightProject, expected: readonly object[]): Promise<void> {
    do {
      let argv = ["run", "flights", "--reprocess"];
      for (;;) {
        const run = fleet.coordinator(project.cwd, argv, office);
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
    const networks = places.map(({ network }) => network);
    return {
      kind,
      seed,
      seconds,
      networks,
      ...Object.fromEntries(counts),
      ...(await storyOf(fleet, orphans)),
    };
  } finally {
    over.abort();
    for (const place of places) place.worker = null;
    await fleet.remove();
    for (const { proxies } of [office, ...places]) for (const proxy of proxies) await proxy.close();
    for (const place of places) place.leave();
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

function hostIfAny(worker: WorkerProcess): number | null {
  try {
    return hostOf(worker);
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
