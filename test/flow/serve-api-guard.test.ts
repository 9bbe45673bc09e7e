/** `serve` over real HTTP: requests that it does not understand, and who may not ask. */
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ApiClient, apiClient } from "../support/api-client.js";
import { type ApiProject, apiProject, urlOf } from "../support/api-project.js";
import type { DailyProject } from "../support/daily-project.js";
import { nightshift } from "../support/nightshift.js";
import { stop } from "../support/served.js";

let service: ApiProject;
let project: DailyProject;
let api: ApiClient;

beforeAll(async () => {
  service = await apiProject();
  ({ project, api } = service);
});
afterAll(() => service.remove());

describe("requests that are not understood", () => {
  test.each([
    ["no JSON", "{", "the body is not JSON"],
    ["nothing", "", "the body is not JSON"],
    ["a list", "[]", "expected object"],
    ["an unknown key", '{"att":"2025-01-01"}', 'Unrecognized key: "att"'],
    ["a prototype", '{"__proto__":{"at":"2025-01-01"}}', "Unrecognized key"],
    ["no date", '{"at":"yesterday"}', "yesterday"],
    ["an unknown variable", '{"vars":{"unknown":1}}', "unknown"],
  ])("a body with %s", async (_, body, message) => {
    const answer = await api.post("/v1/jobs/daily/runs", body);
    expect(answer).toMatchObject({ status: 400, type: "application/problem+json" });
    expect(answer.body.detail).toContain(message);
  });

  test("fields that do not exist, queries and limits that do not exist", async () => {
    expect((await api.post("/v1/jobs/daily/pause", { until: "later" })).status).toBe(400);
    for (const query of ["limit=0", "limit=1000", "limit=x", "jobb=daily", "status=gone", "cursor=%2F"])
      expect((await api.get(`/v1/runs?${query}`)).status, query).toBe(400);
  });

  test("of a path that there is, other methods are refused by name", async () => {
    const ask = (method: string, path: string) => fetch(`${api.url}${path}`, { method });
    for (const [method, path, allow] of [
      ["DELETE", "/v1/jobs", "GET, HEAD"],
      ["OPTIONS", "/v1/runs/x", "GET, HEAD"],
      ["GET", "/v1/jobs/daily/pause", "POST"],
      ["PUT", "/v1/jobs/daily/runs", "POST"],
    ] as const) {
      const answer = await ask(method, path);
      expect(answer.status, `${method} ${path}`).toBe(405);
      expect(answer.headers.get("allow")).toBe(allow);
      expect(await answer.json()).toMatchObject({ code: "api.method" });
    }
    expect((await ask("DELETE", "/v1/nothing")).status).toBe(404);
    expect((await ask("HEAD", "/v1/jobs")).status).toBe(200);
    // Nothing of what was refused is kept.
    const refused = await fetch(`${api.url}/v1/jobs`, { headers: { origin: "http://elsewhere" } });
    expect([refused.status, refused.headers.get("cache-control")]).toEqual([403, "no-store"]);
  });

  test("no answer can be framed, sniffed or embedded by another site, refusals included", async () => {
    for (const [path, origin] of [
      ["/v1/jobs", api.url],
      ["/v1/nothing", api.url],
      ["/v1/jobs", "http://elsewhere"],
    ] as const) {
      const { headers } = await fetch(`${api.url}${path}`, { headers: { origin } });
      expect(Object.fromEntries(headers)).toMatchObject({
        "x-content-type-options": "nosniff",
        "x-frame-options": "SAMEORIGIN",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
      });
      expect(headers.has("strict-transport-security")).toBe(false);
    }
  });

  test("a body that is too large is not read to its end, whether its length is declared or not", async () => {
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

  test("it listens on no network, and on a port of its own", () => {
    const refusal = nightshift(project.cwd, "serve", "--embedded", "--listen", "0.0.0.0:0");
    expect(refusal.status).toBe(2);
    expect(refusal.stderr).toMatch(/a token is needed[\s\S]*TLS/);
    expect(nightshift(project.cwd, "serve", "--embedded", "--listen", new URL(api.url).host)).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("another process listens"),
    });
  });
});

describe("with a token", () => {
  const token = "b3a1f7c2d4e5f60718293a4b5c6d7e8f";

  test("without it only health is answered; it is in no answer and in no log", async () => {
    const file = join(project.cwd, "token");
    writeFileSync(file, `${token}\n`);
    const other = service.start("--token-file", "token", "--listen", "0.0.0.0:0");
    const url = (await urlOf(other)).replace("0.0.0.0", "127.0.0.1");
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
    expect(await stop(other)).toBe(0);
    const { stdout, stderr } = await other.finished;
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
