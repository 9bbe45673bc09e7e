/** `serve` over real HTTP: what it answers and what it starts. What it refuses: serve-api-guard.test.ts. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ApiClient, apiClient } from "../support/api-client.js";
import { type ApiProject, apiProject, urlOf } from "../support/api-project.js";
import type { DailyProject } from "../support/daily-project.js";
import { keysIn } from "../support/flight-project.js";
import { nightshift } from "../support/nightshift.js";
import { type Served, stop } from "../support/served.js";

let project: DailyProject;
let served: Served;
let api: ApiClient;
let service: ApiProject;

beforeAll(async () => {
  service = await apiProject();
  ({ project, served, api } = service);
});
afterAll(() => service.remove());

/** A run that has ended, however. */
async function ended(client: ApiClient, run: unknown): Promise<Readonly<Record<string, unknown>>> {
  for (;;) {
    const { body } = await client.get(`/v1/runs/${run}`);
    if (["published", "failed", "cancelled"].includes(String(body.status))) return body;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const keysOfDay = (index: number): readonly number[] =>
  Array.from({ length: project.rowsADay }, (_, row) => index * project.rowsADay + row);

describe("looking", () => {
  test("health and readiness", async () => {
    expect((await api.get("/healthz")).body).toEqual({ status: "ok" });
    expect((await api.get("/readyz")).body).toEqual({ status: "ready", ledger: "ok", schedules: "ok" });
    expect((await api.get("/metrics")).text).toContain("# TYPE nightshift_runs_total counter\n");
  });

  test("every job: with a schedule, without one, and with a broken spec", async () => {
    const { body } = await api.get("/v1/jobs");
    expect(body.jobs).toMatchObject([
      { name: "broken", serves: "nothing", error: { code: "spec.invalid" }, schedule: null },
      { name: "daily", serves: "current", every: "day", schedule: { cron: "15 2 * * *" }, paused: false },
      { name: "once", schedule: null, next: null, spec: "jobs/once.yaml" },
    ]);
    expect((await api.get("/v1/jobs/broken")).text).toContain("modell");
    expect((await api.get("/v1/jobs/daily")).body.next).toMatch(/T02:15:00/);
  });

  test("the description is the one that is published", async () => {
    const published = fileURLToPath(new URL("../../schema/openapi.v1.json", import.meta.url));
    expect((await api.get("/openapi.json")).body).toEqual(JSON.parse(readFileSync(published, "utf8")));
  });

  test("what is not there", async () => {
    expect(await api.get("/v1/jobs/none")).toMatchObject({
      status: 404,
      type: "application/problem+json",
      body: { status: 404, code: "spec.not-found", hint: "GET /v1/jobs lists them." },
    });
    expect((await api.get("/v1/runs/none")).body.code).toBe("usage.unknown-run");
    expect((await api.post("/v1/runs/none/retry")).status).toBe(404);
    expect((await api.get("/v2")).body.code).toBe("api.not-found");
    expect((await api.get("/v1/runs/..%2F..%2Fetc")).body.code).toBe("api.bad-request");
  });
});

describe("starting", () => {
  test("the same interval, asked for by many at once, is one run", async () => {
    const at = { at: "2025-01-02" };
    const answers = await Promise.all(Array.from({ length: 6 }, () => api.post("/v1/jobs/daily/runs", at)));
    const outcomes = answers.map(({ body }) => body.outcome);
    expect(new Set(answers.map(({ body }) => body.run)).size).toBe(1);
    expect(outcomes.filter((outcome) => outcome === "recorded")).toHaveLength(1);
    const run = answers[0]?.body.run;
    expect(answers[0]?.headers.get("location")).toBe(`/v1/runs/${run}`);
    expect(await ended(api, run)).toMatchObject({
      ...{ status: "published", trigger: "api", job: "daily", interval: { ds: "2025-01-02" } },
      ...{ rows: { read: 5, predicted: 5 }, rowsPlanned: 5, partitions: { accepted: 1 }, error: null },
    });
    expect(await keysIn(project.out)).toEqual(keysOfDay(1));
    expect(await api.post("/v1/jobs/daily/runs", at)).toMatchObject({
      status: 200,
      body: { run, outcome: "already-published" },
    });
    await expect
      .poll(async () => (await api.get("/v1/jobs/daily")).body.freshnessSeconds, { timeout: 20_000 })
      .toEqual(expect.any(Number));
  });

  test("an Idempotency-Key stands for one run, also when it scores again", async () => {
    const again = { at: "2025-01-02", reprocess: true };
    const key = { "idempotency-key": "again-1" };
    const [first, second] = await Promise.all([
      api.post("/v1/jobs/daily/runs", again, key),
      api.post("/v1/jobs/daily/runs", again, key),
    ]);
    expect(second?.body.run).toBe(first?.body.run);
    expect(await ended(api, first?.body.run)).toMatchObject({ generation: 2, status: "published" });
    expect((await api.post("/v1/jobs/daily/runs", again, key)).body).toEqual({
      run: first?.body.run,
      outcome: "already-published",
    });
    expect(await api.post("/v1/jobs/daily/runs", { at: "2025-01-03" }, key)).toMatchObject({
      status: 422,
      body: { code: "api.key-reused" },
    });
  });

  test("a job without intervals is planned first: what it lacks is reported at once", async () => {
    const input = project.inputPath("2025-01-01");
    rmSync(input);
    expect(await api.post("/v1/jobs/once/runs")).toMatchObject({
      status: 422,
      body: { code: "source.not-found" },
    });
    project.writeDay("2025-01-01");
    const { body, status } = await api.post("/v1/jobs/once/runs");
    expect([status, body.outcome]).toEqual([202, "recorded"]);
    expect(await ended(api, body.run)).toMatchObject({ status: "published", interval: null });
    expect((await api.post("/v1/jobs/once/runs")).body.outcome).toBe("already-published");
  });

  test("a job whose variable has no default is served, and each value is a run of its own", async () => {
    service.writeJob("regions", (spec) =>
      spec
        .replace(/^schedule:.*\n/m, "")
        .replace("mode: append", "mode: append, add: { user: '{{ var.user }}' }")
        .replace("version: 1", "version: 1\nvars: { user: { type: integer } }"),
    );
    await served.until("spec.loaded", ({ job }) => job === "regions");
    const at = "2025-01-02";
    const start = (vars?: object) =>
      api.post("/v1/jobs/regions/runs", vars === undefined ? { at } : { at, vars });
    expect(await start()).toMatchObject({ status: 400, body: { code: "usage.missing-var" } });
    expect(await start({ user: "x" })).toMatchObject({ status: 400, body: { code: "usage.bad-var" } });
    expect(await start({ usr: 77 })).toMatchObject({
      status: 400,
      body: { code: "usage.unused-var", hint: "did you mean `user`?" },
    });
    const runs = [await start({ user: 77 }), await start({ user: 78 })].map(({ body }) => body.run);
    expect(new Set(runs).size).toBe(2);
    for (const [index, run] of runs.entries())
      expect(await ended(api, run)).toMatchObject({ status: "published", vars: { user: 77 + index } });
    expect((await start({ user: 77 })).body).toEqual({ run: runs[0], outcome: "already-published" });
  });

  test("a run that fails says why, and is resumed", async () => {
    rmSync(project.inputPath("2025-01-04"));
    const { body } = await api.post("/v1/jobs/daily/runs", { at: "2025-01-04" });
    expect(await ended(api, body.run)).toMatchObject({
      status: "failed",
      error: { code: "source.not-found", message: expect.stringContaining("dt=2025-01-04") },
    });
    project.writeDay("2025-01-04");
    expect(await api.post(`/v1/runs/${body.run}/retry`)).toMatchObject({
      status: 202,
      body: { outcome: "resumed" },
    });
    await served.until("run.ended", ({ run, status }) => run === body.run && status === "published");
    expect(await api.post(`/v1/runs/${body.run}/retry`)).toMatchObject({
      status: 409,
      body: { code: "refused.run-ended" },
    });
  });

  test("runs are listed newest first, a page at a time, by job and status", async () => {
    const { body } = await api.get("/v1/runs?job=daily");
    const all = (body.runs as readonly { readonly id: string }[]).map(({ id }) => id);
    const paged: string[] = [];
    for (let next: unknown = null; ; ) {
      const page = await api.get(`/v1/runs?job=daily&limit=2${next === null ? "" : `&cursor=${next}`}`);
      paged.push(...(page.body.runs as readonly { readonly id: string }[]).map(({ id }) => id));
      next = page.body.next;
      if (next === null) break;
    }
    expect(paged).toEqual(all);
    expect(all.length).toBeGreaterThan(2);
    expect((await api.get("/v1/runs?status=failed")).body).toEqual({ runs: [], next: null });
  });

  test("a job is paused and resumed; one without a schedule is not", async () => {
    expect((await api.post("/v1/jobs/daily/pause")).body).toEqual({
      job: "daily",
      paused: true,
      changed: true,
    });
    expect((await api.get("/v1/jobs/daily")).body).toMatchObject({ paused: true, next: null });
    expect(nightshift(project.cwd, "ls", "jobs").stdout).toMatch(/daily .* paused/);
    expect((await api.post("/v1/jobs/daily/resume")).body.changed).toBe(true);
    expect((await api.post("/v1/jobs/daily/resume")).body.changed).toBe(false);
    expect(await api.post("/v1/jobs/once/pause")).toMatchObject({
      status: 409,
      body: { code: "usage.no-schedule" },
    });
  });

  test("a run is cancelled, whether it waits or runs, and is resumed", async () => {
    writeFileSync(
      join(project.cwd, "jobs/slow.ts"),
      "export default (chunk: object) => { const until = Date.now() + 2500; while (Date.now() < until); return chunk; };",
    );
    service.writeJob("slow", (spec) => `${spec.replace(/^schedule:.*\n/m, "")}pre: ./slow.ts\n`);
    await served.until("spec.loaded", ({ job }) => job === "slow");
    const [going, waiting] = [
      await api.post("/v1/jobs/slow/runs", { at: "2025-01-01" }),
      await api.post("/v1/jobs/slow/runs", { at: "2025-01-02" }),
    ].map(({ body }) => body.run);
    await served.until("partition.started", ({ runId }) => runId === going);
    expect((await api.get(`/v1/runs/${going}`)).body).toMatchObject({ status: "running", error: null });
    expect((await api.get(`/v1/runs/${waiting}`)).body.status).toBe("created");
    expect(await api.post(`/v1/runs/${waiting}/cancel`)).toMatchObject({
      status: 200,
      body: { outcome: "cancelled" },
    });
    const answer = await api.post(`/v1/runs/${going}/cancel`);
    expect([200, 202]).toContain(answer.status);
    expect(await ended(api, going)).toMatchObject({ status: "cancelled" });
    expect((await api.post(`/v1/runs/${going}/cancel`)).body.outcome).toBe("already-cancelled");
    expect((await api.get("/v1/runs?status=cancelled")).body.runs).toHaveLength(2);
    expect((await api.post(`/v1/runs/${waiting}/retry`)).status).toBe(202);
    await served.until("run.ended", ({ run, status }) => run === waiting && status === "published");
    expect(await api.post(`/v1/runs/${waiting}/cancel`)).toMatchObject({
      status: 200,
      body: { outcome: "published" },
    });
  });

  test("while it stops, it says so and starts nothing; running runs finish", async () => {
    const stopping = service.start("--drain", "60");
    const client = await apiClient(await urlOf(stopping));
    const { body } = await client.post("/v1/jobs/slow/runs", { at: "2025-01-03" });
    await stopping.until("partition.started", ({ runId }) => runId === body.run);
    stopping.child.kill("SIGTERM");
    while ((await client.get("/readyz")).body.status !== "draining")
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect((await client.get("/readyz")).status).toBe(503);
    expect(await client.post("/v1/jobs/daily/runs", { at: "2025-01-01" })).toMatchObject({
      status: 503,
      body: { code: "api.draining" },
    });
    expect((await client.get(`/v1/runs/${body.run}`)).body.status).toBe("running");
    expect((await stopping.finished).status).toBe(0);
    expect((await api.get(`/v1/runs/${body.run}`)).body.status).toBe("published");
  });

  test("what was asked for is run by the next service when this one is killed", async () => {
    const first = service.start();
    const client = await apiClient(await urlOf(first));
    const { body } = await client.post("/v1/jobs/daily/runs", { at: "2025-01-03" });
    first.child.kill("SIGKILL");
    await first.finished;
    // The other service of the project may come before this one.
    const next = service.start();
    expect(await ended(api, body.run)).toMatchObject({ status: "published" });
    await next.until("spec.loaded");
    expect(await stop(next)).toBe(0);
  });
});
