/** A host never outlives its coordinator, also while it is inside native code. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Float32, vectorFromArray } from "apache-arrow";
import { expect, test } from "vitest";
import type { OnnxModel } from "../../src/runtimes/onnx/model-proto.js";
import { startCli } from "../support/cli.js";
import { endlessLoop } from "../support/hostile-models.js";
import { modelBytes } from "../support/onnx-models.js";
import { writeParquet } from "../support/parquet-rows.js";
import { scratch } from "../support/scratch.js";
import { zerosParquet } from "../support/zeros-parquet.js";

function statOf(pid: number): readonly string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return null;
  }
}

function childrenOf(parent: number): readonly number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && statOf(pid)?.[1] === String(parent));
}

/** Ticks of processor time that a process has used. */
const usedBy = (pid: number): number => Number(statOf(pid)?.[11] ?? 0);
const isAlive = (pid: number): boolean => !["Z", "X", undefined].includes(statOf(pid)?.[0]);

async function until(what: () => boolean): Promise<void> {
  while (!what()) await sleep(50);
}

async function folderOf(model: OnnxModel, data: Uint8Array): Promise<string> {
  const folder = scratch();
  writeFileSync(join(folder, "m.onnx"), modelBytes(model));
  writeFileSync(join(folder, "d.parquet"), data);
  return folder;
}

const floats = () => vectorFromArray([1, 2], new Float32());

/** What keeps the host's main thread inside native code: a model, and the decoder. */
const busy = {
  "a model": async () => folderOf(endlessLoop(), await writeParquet({ a: floats(), b: floats() })),
  "the decoder": async () => folderOf(endlessLoop(), zerosParquet(["a", "b"], [40_000_000])),
};

/** Starts a command and waits until its host is inside native code. */
async function insideHost(cwd: string, ...argv: readonly string[]) {
  const cli = startCli(argv, { cwd });
  await until(() => childrenOf(cli.pid).length > 0);
  const [host = 0] = childrenOf(cli.pid);
  // Three seconds of processor time are no start-up.
  await until(() => usedBy(host) > 300 || !isAlive(host));
  expect(isAlive(host)).toBe(true);
  return { cli, host };
}

const previewed = ["preview", "m.onnx", "d.parquet", "--features", "a,b"] as const;

test.each([
  ["a model", ["SIGKILL"]],
  ["a model", ["SIGTERM"]],
  ["a model", ["SIGSTOP", "SIGKILL"]],
  ["the decoder", ["SIGKILL"]],
  ["the decoder", ["SIGTERM"]],
  ["the decoder", ["SIGSTOP", "SIGKILL"]],
] as const)("a host inside %s ends after its coordinator got %s", async (what, signals) => {
  const cwd = await busy[what]();
  const { cli, host } = await insideHost(cwd, ...previewed);
  for (const signal of signals) cli.kill(signal);
  await cli.finished;
  await until(() => !isAlive(host));
});

test.each([
  ["SIGTERM", 143, ["score", "m.onnx", "d.parquet", "--features", "a,b", "-o", "out.parquet"]],
  ["SIGINT", 130, ["run", "endless"]],
  ["SIGINT", 130, ["validate", "endless"]],
  ["SIGTERM", 143, previewed],
] as const)(
  "the first %s ends planning inside a model that never returns: %d, %s",
  async (signal, code, argv) => {
    const folder = await busy["a model"]();
    mkdirSync(join(folder, "jobs"));
    const spec = [
      ...["version: 1", "name: endless", "model: ../m.onnx", "input: { from: ../d.parquet }"],
      ...["features: { x: { stack: [a, b] } }", "write: { to: ../out }"],
    ];
    writeFileSync(join(folder, "jobs/endless.yaml"), spec.join("\n"));
    const { cli, host } = await insideHost(folder, ...argv);
    cli.kill(signal);
    expect(await cli.finished).toMatchObject({ code, signal: null });
    await until(() => !isAlive(host));
    expect(readdirSync(folder).filter((name) => name.startsWith("out"))).toEqual([]);
  },
);
