/** What was answered for over HTTP holds when the service is killed at that moment: the next one does it. */
import { beforeEach, describe, expect, test } from "vitest";
import { type ApiClient, apiClient } from "../support/api-client.js";
import { urlOf } from "../support/api-project.js";
import { type Held, holding, keysIn } from "../support/flight-project.js";
import { clockAt, type Served, serveIn, stop, together } from "../support/served.js";
import { servedProject } from "../support/served-project.js";

const days = 5;
const night = "2025-01-02T02:15:00.000Z";

describe.each(["journal", "postgres"] as const)("%s", (ledger) => {
  const served = servedProject(ledger, days, ['schedule: { cron: "15 2 * * *" }']);
  const { env: where, followed, json } = served;
  let held: Held;
  beforeEach(() => {
    held = holding(served.project.cwd, { role: "thread", path: "dt=2025-01-01", nth: 1 });
  });

  async function open(env: { readonly [name: string]: string }): Promise<[Served, ApiClient]> {
    const service = serveIn(served.project.cwd, env, "--listen", "127.0.0.1:0");
    return [service, await apiClient(await urlOf(service))];
  }

  async function kill(service: Served): Promise<void> {
    service.child.kill("SIGKILL");
    held.letGo();
    await service.finished;
  }

  const keysOfDays = (...indexes: readonly number[]): readonly number[] =>
    indexes.flatMap((day) =>
      Array.from({ length: served.project.rowsADay }, (_, row) => day * served.project.rowsADay + row),
    );

  test("starts, retries, cancels and pauses", async () => {
    // The first run holds the one track there is: what else is asked for waits, and is lost with the process if at all.
    const [killed, asking] = await open(together(where(), held.env));
    const start = async (day: number): Promise<string> =>
      String((await asking.post("/v1/jobs/daily/runs", { at: `2025-01-0${day}` })).body.run);
    const cancel = async (run: string) => (await asking.post(`/v1/runs/${run}/cancel`)).body.outcome;
    const going = await start(1);
    await held.reached();
    const retried = await start(2);
    const restarted = await start(3);
    const unwanted = await start(4);
    for (const run of [retried, restarted, unwanted]) expect(await cancel(run)).toBe("cancelled");
    expect(await asking.post(`/v1/runs/${retried}/retry`)).toMatchObject({ status: 202 });
    expect((await asking.post("/v1/jobs/daily/runs", { at: "2025-01-03" })).body.outcome).toBe("resumed");
    expect(await asking.post(`/v1/runs/${unwanted}/retry`)).toMatchObject({ status: 202 });
    expect(await cancel(unwanted)).toBe("already-cancelled");
    const started = await start(5);
    expect((await asking.post("/v1/jobs/daily/pause")).status).toBe(200);
    expect(await asking.post(`/v1/runs/${going}/cancel`)).toMatchObject({
      ...{ status: 202, body: { outcome: "not-stopped" } },
    });
    await kill(killed);

    const [next, api] = await open(where());
    for (const run of [retried, restarted, started])
      expect(await next.until("run.ended", (event) => event.run === run)).toMatchObject({
        status: "published",
      });
    await expect
      .poll(async () => (await api.get(`/v1/runs/${going}`)).body.status, { timeout: 20_000 })
      .toBe("cancelled");
    expect((await api.get(`/v1/runs/${unwanted}`)).body.status).toBe("cancelled");
    expect((await api.get("/v1/jobs/daily")).body.paused).toBe(true);
    expect((await api.post("/v1/jobs/daily/resume")).body.changed).toBe(true);
    await kill(next);
    expect(json("ls", "jobs")).toMatchObject([{ paused: false }]);
    expect((await keysIn(served.project.out)).toSorted((a, b) => a - b)).toEqual(keysOfDays(1, 2, 4));
  });

  test("a tick whose run was cancelled is not run again", async () => {
    await followed(new Date("2025-01-02T02:00:00Z"), "daily", "15 2 * * * UTC");
    const [killed, asking] = await open(together(clockAt("2025-01-02T02:15:02", where()), held.env));
    await held.reached();
    const [{ id }] = (await asking.get("/v1/runs")).body.runs as [{ id: string }];
    expect((await asking.post(`/v1/runs/${id}/cancel`)).status).toBe(202);
    await kill(killed);

    const [next] = await open(clockAt("2025-01-02T02:20:00", where()));
    await next.until("spec.loaded");
    expect(await stop(next)).toBe(0);
    expect(next.events.filter(({ type }) => type === "tick.started")).toEqual([]);
    expect(json("ls", "ticks")).toMatchObject([{ at: night, end: { status: "cancelled", runId: id } }]);
    expect(json("ls", "runs")).toHaveLength(1);
  });
});
