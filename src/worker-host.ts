/**
 * Entry point of a worker host: the child process that opens inputs and models. It may die of what it opens; nobody else
 * does. It only wires calls to what answers them.
 *
 * Arguments: threads, and the file descriptor that breadcrumbs go to.
 */
import { writeSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { serveCalls } from "./hosts/child-process/call-server.js";
import { threadPool } from "./hosts/child-process/thread-pool.js";
import { inspectData } from "./inspect-data.js";
import { joinFiles } from "./join-files.js";
import { planJob } from "./planner.js";
import { previewJob, readRows } from "./preview.js";
import { createRegistry } from "./registry.js";
import { localFileSystem } from "./stores/local-file-system.js";
import { systemClock } from "./system-clock.js";

const [, , threads, breadcrumbFd] = process.argv.map(Number);
const registry = createRegistry((line) => writeSync(Number(breadcrumbFd), `${line}\n`));

const pool = threadPool({
  entry: fileURLToPath(new URL("./thread.js", import.meta.url)),
  threads: Number(threads),
  workerData: { breadcrumbFd },
});

serveCalls(process, {
  plan: async (request, onItem, signal) => {
    pool.warm();
    const runtime = await registry.runtime();
    const source = await registry.source(request.job.input);
    const [store, format] = [await registry.store(), await registry.format()];
    return planJob(request, { source, runtime, store, format }, onItem, signal);
  },
  "inspect-model": async ({ path, externalData }) => (await registry.runtime()).inspect(path, externalData),
  "inspect-data": async (request, onItem, signal) =>
    inspectData(request, { store: await registry.store(), format: await registry.format() }, onItem, signal),
  "read-rows": async (request, _onItem, signal) =>
    readRows(request, { store: await registry.store(), format: await registry.format() }, signal),
  preview: async (request, _onItem, signal) =>
    previewJob(
      request,
      {
        source: await registry.source(request.job.input),
        runtime: await registry.runtime(),
        store: await registry.store(),
        format: await registry.format(),
        clock: systemClock,
      },
      signal,
    ),
  partition: pool.run,
  join: async ({ parts, to }) =>
    joinFiles(parts, to, {
      store: await registry.store(),
      format: await registry.format(),
      fileSystem: localFileSystem(),
    }),
});
