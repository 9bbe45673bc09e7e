/**
 * npm run soak: two coordinators and three workers on real servers, while somebody kills, stops and flushes whatever there
 * is. Every row is published once and right all the same. SOAK_SECONDS, a half for each kind of queue; SOAK_SEED.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type FlightProject, flightProject, keysBelow, keysIn } from "../support/flight-project.js";
import { type PostgresServer, startServer } from "../support/postgres-server.js";
import { type Fleet, queueFleet, type WorkerProcess } from "../support/queue-fleet.js";
import { seededRandom } from "../support/seeded-random.js";

const seconds = Number(process.env.SOAK_SECONDS ?? 600);
const seed = Number(process.env.SOAK_SEED ?? Date.now() % 1_000_000);
let server: PostgresServer;

beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.remove());

test.each(["redis", "postgres"] as const)("over %s", async (kind) => {
  console.log(`seed ${seed}`);
  const random = seededRandom(seed);
  const fleet = await queueFleet(kind, { server, files: 24, limits: ["max_attempts: 3"] });
  const other = flightProject({ files: 12, rowsAFile: 200 });
  const untilMs = Date.now() + (seconds * 1000) / 2;
  const counts = {
    publications: 0,
    workerKills: 0,
    coordinatorKills: 0,
    zombies: 0,
    flushes: 0,
    restarts: 0,
  };
  const workers: WorkerProcess[] = [];
  for (let index = 0; index < 3; index++) workers.push(await fleet.worker());
  const coordinators: { kill: () => void }[] = [];

  /** Publishes the project again and again; whoever is killed in the middle is followed by a retry. */
  async function coordinate(project: FlightProject): Promise<void> {
    const place = { kill: (): void => undefined };
    coordinators.push(place);
    while (Date.now() < untilMs) {
      let argv = ["run", "flights", "--reprocess"];
      for (;;) {
        const run = fleet.coordinator(project.cwd, argv);
        place.kill = () => void run.child.kill("SIGKILL");
        const { status, stderr } = await run.finished;
        if (status === 0) break;
        const runId = run.events.find(({ type }) => type === "run.started")?.runId;
        const isTried = status === null || status === 3 || /infra\./.test(JSON.stringify(run.events));
        if (!isTried && !/infra|unreachable|connection/i.test(stderr))
          throw new Error(`exit ${status}: ${stderr}`);
        if (runId !== undefined) argv = ["retry", String(runId)];
        await sleep(500);
      }
      counts.publications += 1;
      expect(await keysIn(project.out)).toEqual(keysBelow(project.rows));
    }
    place.kill = () => undefined;
  }

  async function disturb(): Promise<void> {
    const index = Math.floor(random() * workers.length);
    const worker = workers[index];
    const choice = random();
    if (worker === undefined) return;
    if (choice < 0.5) {
      worker.child.kill("SIGKILL");
      await worker.finished;
      counts.workerKills += 1;
      workers[index] = await reborn(fleet);
    } else if (choice < 0.65) {
      worker.child.kill("SIGSTOP");
      await sleep(3_000);
      worker.child.kill("SIGCONT");
      counts.zombies += 1;
    } else if (choice < 0.75 && fleet.redis !== null) {
      await fleet.redis.flush();
      counts.flushes += 1;
    } else if (choice < 0.83 && fleet.redis !== null) {
      await fleet.redis.kill();
      await sleep(1_000);
      await fleet.redis.start();
      counts.restarts += 1;
    } else if (choice < 0.9) {
      await server.restart({ mode: "immediate" });
      counts.restarts += 1;
    } else {
      coordinators[Math.floor(random() * coordinators.length)]?.kill();
      counts.coordinatorKills += 1;
    }
  }

  try {
    const coordinating = Promise.all([coordinate(fleet.project), coordinate(other)]);
    let isOver = false;
    void coordinating
      .catch(() => undefined)
      .finally(() => {
        isOver = true;
      });
    while (!isOver && Date.now() < untilMs) {
      await Promise.race([sleep(1_000 + random() * 3_000), coordinating]);
      if (!isOver) await disturb();
    }
    await coordinating;
    console.log(JSON.stringify({ kind, seed, ...counts, ...(await eventsOf(fleet)) }));
    expect(counts.publications).toBeGreaterThan(1);
  } finally {
    await fleet.remove();
    other.remove();
  }
});

/** The servers may be away just now. */
async function reborn(fleet: Fleet): Promise<WorkerProcess> {
  for (let tries = 1; ; tries++) {
    try {
      return await fleet.worker();
    } catch (error) {
      if (tries === 5) throw error;
      await sleep(1_000);
    }
  }
}

/** What the ledger has seen, and the seconds from a lease that ran out to its partition being accepted. */
async function eventsOf({ database }: Fleet): Promise<object> {
  const rows = await database.query<{ what: string; count: number }>(
    `select body->>'type' || coalesce(' ' || (body->'error'->>'code'), '') as what, count(*)::int as count
     from nightshift.ledger_events group by 1 order by 1`,
  );
  const [redone] = await database.query<{ p50: number; p95: number }>(
    `select percentile_cont(0.5) within group (order by took) as p50,
            percentile_cont(0.95) within group (order by took) as p95
     from (
       select extract(epoch from min(a.at) - l.at)::float8 as took
       from nightshift.ledger_events l join nightshift.ledger_events a
         on a.run_id = l.run_id and a.seq > l.seq and a.body->>'type' = 'partition.accepted'
           and a.body->>'partition' = l.body->>'partition'
       where l.body->'error'->>'code' = 'infra.lease-expired' group by l.run_id, l.seq, l.at
     ) each`,
  );
  return { events: Object.fromEntries(rows.map(({ what, count }) => [what, count])), redone };
}
