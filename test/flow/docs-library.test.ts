/** Every program of docs/library.md, run as its reader would run it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { type FlightProject, flightProject } from "../support/flight-project.js";
import { type Fleet, queueFleet } from "../support/queue-fleet.js";

const repository = fileURLToPath(new URL("../../", import.meta.url));
const page = readFileSync(join(repository, "docs/library.md"), "utf8");
const programs = new Map(
  [...page.matchAll(/^```js (\S+)\n([\s\S]*?)^```$/gm)].map(([, name = "", source = ""]) => [name, source]),
);
let project: FlightProject | null = null;
let fleet: Fleet | null = null;
let child: ChildProcess | null = null;

afterEach(async () => {
  child?.kill("SIGKILL");
  await fleet?.remove();
  project?.remove();
  [project, fleet, child] = [null, null, null];
});

/** Starts a program of the page in a folder where `nightshift` and `hono` are installed. */
function start(name: string, cwd: string, env: NodeJS.ProcessEnv = {}) {
  mkdirSync(join(cwd, "node_modules"));
  symlinkSync(repository, join(cwd, "node_modules/nightshift"));
  for (const used of ["hono", "@hono"])
    symlinkSync(join(repository, "node_modules", used), join(cwd, "node_modules", used));
  writeFileSync(join(cwd, name), programs.get(name) ?? "");
  const started = spawn(process.execPath, [name], { cwd, env: { ...process.env, ...env } });
  child = started;
  let printed = "";
  for (const stream of [started.stdout, started.stderr])
    stream.on("data", (data: Buffer) => {
      printed += data.toString();
    });
  const ended = once(started, "exit").then(([code]) => ({ code: code as number | null, printed }));
  return { ended, kill: () => started.kill("SIGTERM") };
}

async function freePort(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  return String(typeof address === "object" && address !== null ? address.port : 0);
}

/** Asks until the program answers. */
async function answer(url: string, init: RequestInit = {}): Promise<{ status: number; body: unknown }> {
  let response: Response | null = null;
  await expect
    .poll(
      async () => {
        response = await fetch(url, init).catch(() => null);
        return response !== null;
      },
      { timeout: 60_000 },
    )
    .toBe(true);
  const { status } = response as unknown as Response;
  return { status, body: await (response as unknown as Response).json() };
}

test("the page has the programs that are run here", () => {
  expect([...programs.keys()]).toEqual(["one-run.mjs", "service.mjs", "worker.mjs"]);
});

test("one run prints its events and its outcome, and ends by itself", async () => {
  project = flightProject({ files: 2 });
  const { code, printed } = await start("one-run.mjs", project.cwd).ended;
  expect({ code, printed }).toEqual({ code: 0, printed: "accepted 50\naccepted 50\npublished 100\n" });
});

test("the Hono application runs jobs and shows runs, and ends on SIGTERM", async () => {
  project = flightProject({ files: 2 });
  const port = await freePort();
  const { ended, kill } = start("service.mjs", project.cwd, { PORT: port });
  const here = `http://127.0.0.1:${port}`;
  const missing = await answer(`${here}/runs/none`);
  expect(missing).toMatchObject({ status: 404, body: { code: "usage.no-runs" } });
  const { body } = await answer(`${here}/jobs/flights/run`, { method: "POST" });
  expect(body).toMatchObject({ status: "published", rows: { read: 100, predicted: 100 } });
  const { run } = body as { run: string };
  expect((await answer(`${here}/runs/${run}`)).body).toMatchObject({ status: "published" });
  expect((await answer(`${here}/jobs/none/run`, { method: "POST" })).status).toBe(404);
  kill();
  expect(await ended).toEqual({ code: 0, printed: "" });
});

test("the worker takes the partitions of a run beside the program's own work, and ends on SIGTERM", async () => {
  fleet = await queueFleet("postgres", { files: 3 });
  const port = await freePort();
  const { ended, kill } = start("worker.mjs", fleet.project.cwd, {
    PORT: port,
    DATABASE_URL: fleet.queueUrl,
  });
  expect((await answer(`http://127.0.0.1:${port}`)).body).toEqual({ partitions: 0 });
  expect(await fleet.run().finished).toMatchObject({ status: 0 });
  await expect
    .poll(async () => (await answer(`http://127.0.0.1:${port}`)).body, { timeout: 30_000 })
    .toEqual({ partitions: 3 });
  kill();
  expect(await ended).toEqual({ code: 0, printed: "" });
}, 240_000);
