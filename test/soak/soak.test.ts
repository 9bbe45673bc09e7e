/** npm run soak: ten minutes, a half for each kind of queue (SOAK_SECONDS); the same again with SOAK_SEED. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type PostgresServer, startServer } from "../support/postgres-server.js";
import { soak } from "../support/soak.js";

const seconds = Number(process.env.SOAK_SECONDS ?? 600) / 2;
const seed = Number(process.env.SOAK_SEED ?? Date.now() % 1_000_000);
let server: PostgresServer;

beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.remove());

test.each(["redis", "postgres"] as const)("over %s", async (kind) => {
  console.log(`${kind}, seed ${seed}`);
  const report = await soak({
    kind,
    server,
    seconds,
    seed,
    coordinatorEverySeconds: Math.min(60, seconds / 3),
  });
  console.log(JSON.stringify(report, null, 2));
  expect(report.publications).toBeGreaterThan(1);
});
