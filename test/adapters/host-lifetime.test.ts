/** How long a worker host lives: it ends itself, whoever else could end it may be stopped. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { childProcessHost } from "../../src/host/child-process-host.js";
import type { WorkerHost } from "../../src/host/host.js";

const entry = fileURLToPath(new URL("../../dist/bundle/worker-host.js", import.meta.url));
const model = fileURLToPath(new URL("../../fixtures/models/flight-columns.onnx", import.meta.url));
let host: WorkerHost | null = null;

afterEach(async () => {
  await host?.close();
  host = null;
});

function aHost(): WorkerHost {
  const hookDir = mkdtempSync(join(tmpdir(), "nightshift-hooks-"));
  host = childProcessHost({
    entry,
    threads: 1,
    hookDir,
    environment: process.env,
    maxBytes: null,
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
