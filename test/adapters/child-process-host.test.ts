import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { NightshiftError } from "../../src/errors.js";
import { childProcessHost } from "../../src/host/child-process-host.js";
import type { CallOptions, PartitionCall, WorkerHost } from "../../src/host/host.js";
import { linux, needs } from "../support/places.js";
import { scratch } from "../support/scratch.js";

const entry = fileURLToPath(new URL("../support/scripted-host.mjs", import.meta.url));
const hosts: WorkerHost[] = [];
afterEach(async () => {
  for (const host of hosts.splice(0)) await host.close();
});

/** One call of a scripted host. @returns `done`, or the error */
async function callOf(
  script: string,
  options: CallOptions<"partition">,
  maxBytes: number | null = null,
): Promise<"done" | NightshiftError> {
  const path = join(scratch(), "script");
  writeFileSync(path, script);
  const host = childProcessHost({
    entry,
    threads: 1,
    hookDir: "/hooks",
    environment: process.env,
    maxBytes,
    memoryBytes: 2 ** 30,
  });
  hosts.push(host);
  // The scripted host reads the rows and the script's path; messages name the model.
  const request = {
    attemptId: "a",
    task: {
      ref: { runId: "r", partition: 0, epoch: 1 },
      plan: { job: { model: { path: "model.onnx" } } },
      partition: { index: 0, rows: 1, slices: [{ file: { path } }] },
    },
  } as unknown as PartitionCall;
  return host.call("partition", request, options).then(
    () => "done" as const,
    (error: unknown) => {
      if (error instanceof NightshiftError) return error;
      throw error;
    },
  );
}

test("items do not extend a deadline; the limit on silence starts again at each item", async () => {
  expect(await callOf("tell 10", { silenceMs: 3000 })).toBe("done");
  expect(await callOf("tell 10", { deadlineMs: 3000 })).toMatchObject({
    code: "infra.host-deadline",
    message: expect.stringContaining("the model is model.onnx"),
  });
  expect(await callOf("hang", { silenceMs: 1000 })).toMatchObject({ code: "infra.host-deadline" });
});

test("a host that holds more memory than it may is stopped, and its death says so", async (context) => {
  needs(context, linux());
  const death = await callOf("hang", {}, 1024 * 1024);
  expect(death).toMatchObject({
    code: "infra.host-died",
    message: expect.stringMatching(/held [\d.]+ MB of memory, and may hold 1\.05 MB/),
    details: { signal: "SIGKILL", maxBytes: 1024 * 1024 },
  });
});
