/** Assets in the ledger's database: put whole or not at all, kept while a run may need them. */
import { createHash } from "node:crypto";
import { beforeEach, expect, test } from "vitest";
import type { Asset } from "../../src/job/plan.js";
import type { SharedLedger } from "../../src/ledgers/ledger.js";
import { cuttingProxy } from "../support/cutting-proxy.js";
import { emptyLedger, type TestProcess } from "../support/postgres-ledgers.js";
import { aRun } from "../support/runs.js";

const there = emptyLedger();
let process: TestProcess;
let ledger: SharedLedger;

beforeEach(async () => {
  process = await there.processes.start();
  ledger = process.ledger;
  for (const id of ["one", "two"]) await ledger.createRun(aRun(id));
});

function anAsset(text: string): Asset {
  const sha256 = createHash("sha256").update(text).digest("hex");
  return { role: "model", path: "/models/m.onnx", size: text.length, sha256 };
}

/** Three blocks and a byte that is no text. */
async function* blocks(text: string): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  const third = Math.ceil(bytes.length / 3);
  for (let start = 0; start < bytes.length; start += third) yield bytes.subarray(start, start + third);
}

async function heldOf(asset: Asset, from = ledger): Promise<string | null> {
  const found = await from.assets.get(asset);
  if (found === null) return null;
  const parts: Uint8Array[] = [];
  for await (const block of found) parts.push(block);
  return Buffer.concat(parts).toString();
}

const text = "weights\0and more";

test("what was put comes back, block by block, and is read once", async () => {
  const asset = anAsset(text);
  let reads = 0;
  const read = () => {
    reads += 1;
    return blocks(text);
  };
  expect(await heldOf(asset)).toBeNull();
  for (const run of ["one", "one", "two"]) await ledger.assets.put(run, asset, read);
  expect(reads).toBe(1);
  expect(await heldOf(asset)).toBe(text);
});

test("two coordinators put the same at once: both have it, and it is there once", async () => {
  const asset = anAsset(text);
  const other = (await there.processes.start()).ledger;
  const putting = [ledger, other].map((each, index) =>
    each.assets.put(index === 0 ? "one" : "two", asset, () => blocks(text)),
  );
  await Promise.all(putting);
  expect(await heldOf(asset)).toBe(text);
});

test("a file that turns out to be another: nothing of it is there", async () => {
  const asset = anAsset(text);
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("half");
    throw new Error("it is another");
  }
  await expect(ledger.assets.put("one", asset, broken)).rejects.toThrow("it is another");
  expect(await heldOf(asset)).toBeNull();
  await ledger.assets.put("one", asset, () => blocks(text));
  expect(await heldOf(asset)).toBe(text);
});

test.each(["delivered", "lost"] as const)(
  "the answer to its commit does not come (%s): it is there once",
  async (kind) => {
    const { hostname, port } = new URL(there.database.url);
    const proxy = await cuttingProxy({ host: hostname, port: Number(port) });
    const behind = new URL(there.database.url);
    behind.port = String(proxy.port);
    const far = (await there.processes.start({ url: behind.href })).ledger;
    const asset = anAsset(text);
    proxy.cutAt("commit\0", kind);
    await far.assets.put("one", asset, () => blocks(text));
    expect(proxy.cuts()).toBe(1);
    expect(await heldOf(asset)).toBe(text);
    await proxy.close();
  },
);

test("gc keeps what a resumable run needs, and removes the rest", async () => {
  const [kept, spent] = [anAsset(text), anAsset("of the other run")];
  await ledger.assets.put("one", kept, () => blocks(text));
  await ledger.assets.put("two", kept, () => blocks(text));
  await ledger.assets.put("two", spent, () => blocks("of the other run"));
  expect(await ledger.assets.collect(false)).toEqual([]);
  const claim = await ledger.claimRun("two", process.owner, { takeOver: false });
  await ledger.failRun(claim, {
    kind: "infra",
    code: "infra.io",
    message: "it failed",
    retryable: true,
    details: {},
  });
  await ledger.releaseRun(claim);
  expect(await ledger.assets.collect(false)).toEqual([]);
  await ledger.dropRun(await ledger.claimRun("two", process.owner, { takeOver: false }));
  const removed = [{ sha256: spent.sha256, bytes: spent.size }];
  expect(await ledger.assets.collect(true)).toEqual(removed);
  expect(await heldOf(spent)).toBe("of the other run");
  expect(await ledger.assets.collect(false)).toEqual(removed);
  expect(await heldOf(spent)).toBeNull();
  expect(await heldOf(kept)).toBe(text);
  expect(await ledger.assets.collect(false)).toEqual([]);
});

test("gc and coordinators at once: a coordinator that has stored an asset finds it", async () => {
  const asset = anAsset(text);
  const collector = (await there.processes.start()).ledger;
  let isOver = false;
  const collecting = (async () => {
    while (!isOver) await collector.assets.collect(false);
  })();
  const claim = await ledger.claimRun("two", process.owner, { takeOver: false });
  await ledger.dropRun(claim);
  for (let index = 0; index < 15; index++) {
    // Spent at once, and needed a moment later.
    await ledger.assets.put("two", asset, () => blocks(text));
    await ledger.createRun(aRun(`run-${index}`));
    await ledger.assets.put(`run-${index}`, asset, () => blocks(text));
    expect(await heldOf(asset)).toBe(text);
    await there.database.query("delete from nightshift.ledger_run_assets where run_id = $1", [
      `run-${index}`,
    ]);
  }
  isOver = true;
  await collecting;
});
