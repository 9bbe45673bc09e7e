/** Two minutes of what `npm run soak` does for ten, a half for each kind of queue. SOAK_SEED repeats one. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type PostgresServer, startServer } from "../support/postgres-server.js";
import { soak } from "../support/soak.js";

const seed = Number(process.env.SOAK_SEED ?? Date.now() % 1_000_000);
let server: PostgresServer;

beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.remove());

test.each(["redis", "postgres"] as const)(
  "over %s, workers, coordinators and servers die, stop and are cut off: every row is there once, and right",
  { timeout: 900_000 },
  async (kind) => {
    console.log(`${kind}, seed ${seed}`);
    const report = await soak({ kind, server, seconds: 60, seed, coordinatorEverySeconds: 20 });
    expect(report.publications).toBeGreaterThan(0);
  },
);
