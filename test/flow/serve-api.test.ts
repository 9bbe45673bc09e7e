/** `serve` over real HTTP: what it tells, what it starts, and whom it refuses. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ApiClient, apiClient } from "../support/api-client.js";
import { type DailyProject, dailyProject } from "../support/daily-project.js";
import { keysIn } from "../support/flight-project.js";
import { nightshift, nightshiftWith } from "../support/nightshift.js";
import { type Served, serveIn, stop } from "../support/served.js";

let project: DailyProject;
let served: Served;
let api: ApiClient;

beforeAll(async () => {
  project = dailyProject("2025-01-01", 4);
  project.writeSpec({ more: ['schedule: { cron: "15 2 * * *" }'] });
  writeJob("once", (spec) => spec.replace(/^intervals:.*\n/m, "").replace(/^schedule:.*\n/m, ""));
  writeJob("broken", (spec) => spec.replace("model:", "modell:"));
  served = await start();
  api = await apiClient(await urlOf(served));
});
afterAll(async () => {
  served.child.kill("SIGKILL");
  await served.finished;
  project.remove();
});

function writeJob(name: string, change: (spec: string) => string): void {
  const spec = readFileSync(project.spec, "utf8")
    .replace("name: daily", `name: ${name}`)
    .replace("../out", `../out-${name}`)
    .replaceAll("{{ ds }}", name === "once" ? "2025-01-01" : "{{ ds }}");
  writeFileSync(join(project.cwd, `jobs/${name}.yaml`), change(spec));
}

async function start(...more: readonly string[]): Promise<Served> {
  return serveIn(project.cwd, {}, "--listen", "127.0.0.1:0", ...more);
}

async function urlOf(service: Served): Promise<string> {
  const event = await service.until("api.listening");
  if (event === null) throw new Error((await service.finished).stderr);
  return String(event.url);
}

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

  test("a job without intervals is planned first: what it lacks is told at once", async () => {
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

  test("a run that fails says why, and is gone on with", async () => {
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

  test("a run is cancelled, whether it waits or goes on, and is gone on with", async () => {
    writeFileSync(
      join(project.cwd, "jobs/slow.ts"),
      "export default (chunk: object) => { const until = Date.now() + 2500; while (Date.now() < until); return chunk; };",
    );
    writeJob("slow", (spec) => `${spec.replace(/^schedule:.*\n/m, "")}pre: ./slow.ts\n`);
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

  test("while it stops, it says so and starts nothing; what runs goes on to its end", async () => {
    const stopping = await start("--drain", "60");
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
    const first = await start();
    const client = await apiClient(await urlOf(first));
    const { body } = await client.post("/v1/jobs/daily/runs", { at: "2025-01-03" });
    first.child.kill("SIGKILL");
    await first.finished;
    const next = await start();
    expect(await next.until("run.ended", ({ run }) => run === body.run)).toMatchObject({
      status: "published",
    });
    expect(await stop(next)).toBe(0);
  });
});

describe("requests that are not understood", () => {
  test.each([
    ["no JSON", "{", "the body is not JSON"],
    ["nothing", "", "the body is not JSON"],
    ["a list", "[]", "expected object"],
    ["an unknown key", '{"att":"2025-01-01"}', 'Unrecognized key: "att"'],
    ["a prototype", '{"__proto__":{"at":"2025-01-01"}}', "Unrecognized key"],
    ["no date", '{"at":"yesterday"}', "yesterday"],
    ["an unknown variable", '{"vars":{"nobody":1}}', "nobody"],
  ])("a body with %s", async (_, body, message) => {
    const answer = await api.post("/v1/jobs/daily/runs", body);
    expect(answer).toMatchObject({ status: 400, type: "application/problem+json" });
    expect(answer.body.detail).toContain(message);
  });

  test("fields where there are none, queries and limits that there are not", async () => {
    expect((await api.post("/v1/jobs/daily/pause", { until: "later" })).status).toBe(400);
    for (const query of ["limit=0", "limit=1000", "limit=x", "jobb=daily", "status=gone", "cursor=%2F"])
      expect((await api.get(`/v1/runs?${query}`)).status, query).toBe(400);
  });

  test("a body that is too large is not read to its end, whether its length is told or not", async () => {
    const vars = { a: "x".repeat(70_000) };
    expect(await api.post("/v1/jobs/daily/runs", { vars })).toMatchObject({
      status: 413,
      body: { code: "api.too-large" },
    });
    const head = "POST /v1/jobs/daily/runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    const chunk = `10000\r\n${" ".repeat(65_536)}\r\n`;
    expect(await raw(`${head}Transfer-Encoding: chunked\r\n\r\n${chunk}${chunk}`)).toMatch(/^HTTP\/1.1 413 /);
  });

  test("who sends too slowly is answered 408", async () => {
    expect(await raw("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")).toMatch(/^HTTP\/1.1 408 /);
  });
});

describe("without a token", () => {
  const refused = { status: 403, body: { code: "api.forbidden" } };

  test("a name that leads here is not this service's name", async () => {
    for (const host of [
      "evil.example",
      "evil.example:8080",
      "127.0.0.1.evil.example",
      "localhost.evil.example",
    ])
      expect(await raw(`GET /v1/jobs HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`), host).toMatch(
        /^HTTP\/1.1 403 /,
      );
    for (const host of ["localhost", "127.0.0.1:1", "[::1]:80"])
      expect(await raw(`GET /healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`), host).toMatch(
        /^HTTP\/1.1 200 /,
      );
  });

  test("pages of other sites are refused, and forms have no way in", async () => {
    for (const headers of [
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: api.url, "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
    ] as const) {
      expect(await api.post("/v1/jobs/daily/pause", {}, headers)).toMatchObject(refused);
      expect(await api.get("/v1/jobs", headers)).toMatchObject(refused);
    }
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
      expect(await api.post("/v1/jobs/daily/pause", "{}", { "content-type": type })).toMatchObject({
        status: 415,
        body: { code: "api.media-type" },
      });
    expect((await api.get("/v1/jobs", { origin: api.url, "sec-fetch-site": "same-origin" })).status).toBe(
      200,
    );
    expect((await api.get("/v1/jobs/daily")).body.paused).toBe(false);
  });

  test("it listens on no network", () => {
    const refusal = nightshift(project.cwd, "serve", "--embedded", "--listen", "0.0.0.0:0");
    expect(refusal.status).toBe(2);
    expect(refusal.stderr).toMatch(/a token is needed[\s\S]*TLS/);
    expect(
      nightshiftWith({ NIGHTSHIFT_API_TOKEN: "short" }, project.cwd, "serve", "--embedded"),
    ).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("openssl rand"),
    });
    for (const listen of ["8080", "http://localhost:80", "localhost", "[::1]", "a:70000"])
      expect(nightshift(project.cwd, "serve", "--embedded", "--listen", listen).status, listen).toBe(2);
    expect(nightshift(project.cwd, "serve", "--embedded", "--listen", new URL(api.url).host)).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("another process listens"),
    });
  });
});

describe("with a token", () => {
  const token = "b3a1f7c2d4e5f60718293a4b5c6d7e8f";

  test("nothing is told without it, but for health; it is in no answer and in no log", async () => {
    const file = join(project.cwd, "token");
    writeFileSync(file, `${token}\n`);
    const service = await start("--token-file", "token", "--listen", "0.0.0.0:0");
    const url = (await urlOf(service)).replace("0.0.0.0", "127.0.0.1");
    const client = await apiClient(url, token);
    expect((await client.get("/v1/jobs")).status).toBe(200);
    for (const given of [
      "",
      "Bearer",
      "Bearer wrong",
      `Basic ${token}`,
      `Bearer ${token}x`,
      `Bearer ${token.slice(1)}`,
    ]) {
      const answer = await client.get("/v1/jobs", { authorization: given });
      expect(answer, given).toMatchObject({ status: 401, body: { code: "api.unauthorized" } });
      expect(answer.headers.get("www-authenticate")).toBe("Bearer");
      expect((await client.post("/v1/jobs/daily/pause", {}, { authorization: given })).status).toBe(401);
    }
    for (const path of ["/healthz", "/readyz"]) expect((await fetch(`${url}${path}`)).status).toBe(200);
    for (const path of ["/metrics", "/openapi.json", "/nothing"])
      expect((await fetch(`${url}${path}`)).status).toBe(401);
    expect((await client.get(`/v1/jobs/${token}`)).text).not.toContain(token);
    expect(await stop(service)).toBe(0);
    const { stdout, stderr } = await service.finished;
    expect(stdout + stderr).not.toContain(token);
  });
});

/** What comes back for these bytes, until the other side ends it. */
function raw(bytes: string): Promise<string> {
  const { hostname, port } = new URL(api.url);
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.setEncoding("utf8").on("data", (text: string) => {
      answer += text;
    });
    socket.on("close", () => resolve(answer));
    socket.on("error", () => resolve(answer));
  });
}
