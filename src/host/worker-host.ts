/**
 * Entry point of a worker host: the child process that opens inputs and models. It may die because of what it
 * opens, without harm to other processes. It only connects calls to their implementations.
 *
 * Arguments: threads, the file descriptor for breadcrumbs, the directory of hook bundles, the memory limit in
 * bytes (0: none), its coordinator's process id, and the bytes that decoding may use for data that no plan
 * has assessed.
 */
import { writeFileSync, writeSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { settingsFromProcess } from "../config.js";
import { runsHooks } from "../job/job.js";
import { inspectData, inspectInput } from "../planning/inspect-data.js";
import { joinFiles } from "../planning/join-files.js";
import { readRows } from "../planning/preview.js";
import { createRegistry } from "../registry.js";
import { turnsMemory } from "../runtimes/onnx/device-turns.js";
import { outputFileSystem } from "../wiring/output-files.js";
import { planningCalls } from "../wiring/planning-calls.js";
import { serveCalls } from "./call-server.js";
import { watchOwnProcess } from "./own-watch.js";
import { threadPool } from "./thread-pool.js";

const [, , threads, breadcrumbFd, hookDir = "", maxBytes = "0", parent, decodingBytes] = process.argv;
const memoryBytes = Number(decodingBytes);
const watch = watchOwnProcess(Number(parent ?? process.ppid), Number(maxBytes));
const device = turnsMemory();
const note = (line: string) => void writeSync(Number(breadcrumbFd), `${line}\n`);
const { environment, outputRoot, hooks: mayRunHooks } = settingsFromProcess();
const registry = createRegistry({ note, hookDir, device, environment, outputRoot, mayRunHooks });
const own = planningCalls(registry, note, memoryBytes);
const fitting = registry.within(memoryBytes);
dieFirst();

const pool = threadPool({
  entry: fileURLToPath(new URL("./thread.js", import.meta.url)),
  threads: Number(threads),
  workerData: { breadcrumbFd: Number(breadcrumbFd), hookDir, device, memoryBytes },
});

/**
 * If the machine runs out of memory, the kernel should kill this process rather than its coordinator or
 * another program.
 */
function dieFirst(): void {
  try {
    writeFileSync("/proc/self/oom_score_adj", "900");
  } catch {
    // Not Linux, or not allowed.
  }
}

// Calls that run hooks are answered in a thread: a function that never returns must not keep the host from
// noticing that its coordinator is gone.
serveCalls(
  process,
  {
    plan: async (request, onItem, signal) => {
      pool.warm();
      return (runsHooks(request.job) ? pool.planning("plan") : own.plan)(request, onItem, signal);
    },
    "inspect-model": async ({ path, externalData }) => (await registry.runtime()).inspect(path, externalData),
    "try-provider": async ({ provider }) => (await registry.runtime()).tryProvider(provider),
    "inspect-data": async (request, onItem, signal) =>
      inspectData(
        request,
        { store: await fitting.store(), format: await fitting.format(), tables: await fitting.tables() },
        onItem,
        signal,
      ),
    "inspect-input": async ({ input }, _onItem, signal) => inspectInput(await fitting.source(input), signal),
    "read-rows": async (request, _onItem, signal) =>
      readRows(request, { store: await fitting.store(), format: await fitting.format() }, signal),
    preview: (request, onItem, signal) =>
      (runsHooks(request.job) ? pool.planning("preview") : own.preview)(request, onItem, signal),
    partition: pool.run,
    search: pool.search,
    prove: async ({ input, slices, ...request }, _onItem, signal) =>
      (await (await registry.source(input)).prove?.(slices, request, signal)) ?? [],
    join: async ({ parts, to }) =>
      joinFiles(parts, to, {
        store: await registry.store(),
        format: await registry.format(),
        fileSystem: await outputFileSystem(outputRoot),
      }),
  },
  watch,
);
