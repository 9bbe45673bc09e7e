/** How long a worker host lives: it ends itself, since the process that could end it may be stopped. */
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { childProcessHost } from "../../src/host/child-process-host.js";
import type { WorkerHost } from "../../src/host/host.js";
import { linux, needs } from "../support/places.js";

const entry = fileURLToPath(new URL("../../dist/bundle/worker-host.js", import.meta.url));
const model = fileURLToPath(new URL("../../fixtures/models/flight-columns.onnx", import.meta.url));
let host: WorkerHost | null = null;

afterEach(async () => {
  await host?.close();
  host = null;
});

function aHost(maxBytes: number | null = null): WorkerHost {
  const hookDir = mkdtempSync(join(tmpdir(), "nightshift-hooks-"));
  host = childProcessHost({
    entry,
    threads: 1,
    hookDir,
    environment: process.env,
    maxBytes,
    memoryBytes: 2 ** 30,
  });
  return host;
}

const inspect = (living: WorkerHost) => living.call("inspect-model", { path: model, externalData: [] });

test("a host ends itself when its time is over", async () => {
  const living = aHost();
  await inspect(living);
  living.liveFor(50);
  while (!living.isGone()) await sleep(10);
  await expect(inspect(living)).rejects.toMatchObject({ code: "infra.host-died" });
});

test("a host that is given more time lives on", async () => {
  const living = aHost();
  await inspect(living);
  living.liveFor(300);
  living.liveFor(null);
  await sleep(600);
  await inspect(living);
  living.liveFor(100);
  living.liveFor(60_000);
  await sleep(300);
  await inspect(living);
  expect(living.isGone()).toBe(false);
});

/** Children of this process that have ended and that it has not reaped yet. */
function endedChildren(): readonly string[] {
  const statOf = (pid: string): string => {
    try {
      return readFileSync(`/proc/${pid}/stat`, "utf8");
    } catch {
      return "";
    }
  };
  return readdirSync("/proc").filter((pid) => {
    const stat = /^\d+$/.test(pid) ? statOf(pid) : "";
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith(`Z ${process.pid} `);
  });
}

test("a host that holds too much ends itself while its coordinator is busy, which then says why", (context) => {
  needs(context, linux());
  const living = aHost(2 ** 20);
  // Nothing here runs meanwhile, the coordinator's own look at the host's memory included.
  while (endedChildren().length === 0);
  return expect(inspect(living)).rejects.toMatchObject({
    code: "infra.host-died",
    details: { maxBytes: 2 ** 20, signal: "SIGUSR2" },
  });
});
