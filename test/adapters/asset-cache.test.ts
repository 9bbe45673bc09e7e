/** A worker's copies of assets, on a real disk: found, fetched, verified, shared by several workers, bounded. */
import { createHash, randomUUID } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type AssetCache, assetCache } from "../../src/assets/asset-cache.js";
import type { BlobStore } from "../../src/assets/blob-store.js";
import { plannedFiles } from "../../src/assets/planned-files.js";
import { sharedDirectory } from "../../src/assets/shared-directory.js";
import type { Asset } from "../../src/job/plan.js";
import { localFileSystem } from "../../src/stores/local/local-file-system.js";
import { systemClock } from "../../src/wiring/system-clock.js";

let root: string;
const here = (...names: string[]): string => join(root, ...names);
const copies = (): readonly string[] => readdirSync(here("assets"));

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "nightshift-cache-"));
  mkdirSync(here("planned"));
});
afterEach(() => rmSync(root, { recursive: true }));

function planned(name: string, text: string): Asset {
  const path = here("planned", name);
  writeFileSync(path, text);
  return { role: "model", path, size: text.length, sha256: sha256(text) };
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

const fileSystem = localFileSystem();
const storeIn = (directory: string) => sharedDirectory({ directory, fileSystem, newId: () => randomUUID() });

/** One on which everything lies, in blocks; counts who asks. */
function countingStore(texts: { readonly [path: string]: string }) {
  const store: BlobStore & { gets: number } = {
    place: "the store",
    removal: () => "remove it",
    gets: 0,
    put: async () => undefined,
    async get({ path }) {
      store.gets += 1;
      const text = texts[path];
      return text === undefined ? null : blocksOf(text);
    },
  };
  return store;
}

async function* blocksOf(text: string): AsyncGenerator<Uint8Array> {
  for (const character of text) yield Buffer.from(character);
}

const cacheOver = (blobStores: readonly BlobStore[], maxBytes = 1_000_000): AssetCache =>
  assetCache({
    directory: here("assets"),
    hookDir: here("hooks"),
    blobStores,
    fileSystem,
    newId: () => randomUUID(),
    clock: systemClock,
    maxBytes,
  });

test("the planned file is used where it has the planned bytes", async () => {
  const asset = planned("model.onnx", "weights");
  const store = countingStore({});
  expect(await cacheOver([store]).locate(asset)).toEqual(asset);
  expect(store.gets).toBe(0);
});

test("other bytes of the same size under the path: the planned ones are fetched", async () => {
  const asset = planned("model.onnx", "weights");
  writeFileSync(asset.path, "WEIGHTS");
  const store = countingStore({ [asset.path]: "weights" });
  const cache = cacheOver([store]);
  const located = await cache.locate(asset);
  expect(located).toEqual({ ...asset, at: here("assets", asset.sha256) });
  expect(readFileSync(located.at ?? "", "utf8")).toBe("weights");
  expect(readFileSync(asset.path, "utf8")).toBe("WEIGHTS");
  expect(await cache.locate(asset)).toEqual(located);
  expect(store.gets).toBe(1);
});

test("all threads want it at once: it is fetched once", async () => {
  const asset = { ...planned("model.onnx", "weights"), path: "/elsewhere/model.onnx" };
  const store = countingStore({ [asset.path]: "weights" });
  const cache = cacheOver([store]);
  await Promise.all([1, 2, 3, 4].map(() => cache.locate(asset)));
  expect(store.gets).toBe(1);
  expect(copies()).toEqual([asset.sha256]);
});

test("several workers over one state directory: each finds it whole", async () => {
  const asset = { ...planned("model.onnx", "weights"), path: "/elsewhere/model.onnx" };
  const workers = [1, 2, 3].map(() => cacheOver([countingStore({ [asset.path]: "weights" })]));
  const located = await Promise.all(workers.map((worker) => worker.locate(asset)));
  for (const { at } of located) expect(readFileSync(at ?? "", "utf8")).toBe("weights");
  expect(copies()).toEqual([asset.sha256]);
});

test("an asset that is being copied is not visible under its name; a process killed meanwhile leaves no partial copy", async () => {
  const asset = { ...planned("model.onnx", "weights"), path: "/elsewhere/model.onnx" };
  let letGo = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  async function* slow(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("wei");
    await gate;
    yield Buffer.from("ghts");
  }
  const store: BlobStore = {
    place: "slow",
    removal: () => "",
    put: async () => undefined,
    get: async () => slow(),
  };
  const locating = cacheOver([store]).locate(asset);
  while (!existsSync(here("assets")) || copies().length === 0) await new Promise((go) => setTimeout(go, 5));
  expect(copies()).not.toContain(asset.sha256);
  const other = await cacheOver([countingStore({ [asset.path]: "weights" })]).locate(asset);
  expect(readFileSync(other.at ?? "", "utf8")).toBe("weights");
  letGo();
  await locating;
  expect(copies()).toEqual([asset.sha256]);
});

test("a copy that was damaged is fetched again", async () => {
  const asset = { ...planned("model.onnx", "weights"), path: "/elsewhere/model.onnx" };
  const store = countingStore({ [asset.path]: "weights" });
  const cache = cacheOver([store]);
  const { at = "" } = await cache.locate(asset);
  writeFileSync(at, "w3ights");
  await cache.locate(asset);
  expect(readFileSync(at, "utf8")).toBe("weights");
  writeFileSync(at, "weig");
  // Another worker that finds it so.
  await cacheOver([store]).locate(asset);
  expect(readFileSync(at, "utf8")).toBe("weights");
});

test("a store with other bytes: an error names asset, expected and found, and nothing is kept", async () => {
  const asset = { ...planned("model.onnx", "weights"), path: "/elsewhere/model.onnx" };
  const store = countingStore({ [asset.path]: "w3ights" });
  await expect(cacheOver([store]).locate(asset)).rejects.toMatchObject({
    code: "infra.asset-damaged",
    message: `the store has other bytes for the model /elsewhere/model.onnx: SHA-256 ${asset.sha256} was expected, ${sha256("w3ights")} was found`,
  });
  expect(copies()).toEqual([]);
});

test("nowhere to be found: every place that was looked at is named", async () => {
  const asset = { ...planned("model.onnx", "weights"), path: "/elsewhere/model.onnx" };
  const blobStores = [countingStore({}), storeIn(here("shared"))];
  await expect(cacheOver(blobStores).locate(asset)).rejects.toMatchObject({
    code: "infra.asset-missing",
    message: `the model /elsewhere/model.onnx was not found with its planned SHA-256 ${asset.sha256}, neither on this machine nor at the store, nor at ${here("shared")}`,
    retryable: true,
  });
});

test("what was not used for longest goes first; drafts of who was killed go, too", async () => {
  const texts: { [path: string]: string } = {};
  const assets = ["a", "b", "c"].map((name) => {
    const path = `/elsewhere/${name}`;
    texts[path] = name.repeat(100);
    return { role: "ids" as const, path, size: 100, sha256: sha256(texts[path]) };
  });
  const cache = cacheOver([countingStore(texts)], 250);
  const [oldest, middle, newest] = assets;
  for (const [index, asset] of [oldest, middle].entries()) {
    const { at = "" } = await cache.locate(asset ?? fail());
    utimesSync(at, new Date(Date.now() - 3_600_000 * (2 - index)), new Date());
  }
  writeFileSync(here("assets", ".draft-of-the-dead"), "half");
  utimesSync(here("assets", ".draft-of-the-dead"), new Date(0), new Date(0));
  await cache.locate(oldest ?? fail());
  await cache.locate(newest ?? fail());
  expect(copies()).toEqual([oldest, newest].map((asset) => asset?.sha256).sort());
});

test("a bundle of a hook is looked for by its digest, and not under the path of its source", async () => {
  const asset: Asset = { ...planned("hook.ts", "source"), role: "post-hook", sha256: sha256("bundle") };
  mkdirSync(here("hooks"));
  writeFileSync(here("hooks", `${asset.sha256}.cjs`), "bundle");
  expect(await cacheOver([]).locate(asset)).toEqual(asset);
});

test("a shared directory takes verified bytes only, once", async () => {
  const asset = planned("model.onnx", "weights");
  const store = storeIn(here("shared"));
  const read = plannedFiles(here("hooks"));
  writeFileSync(asset.path, "w3ights");
  await expect(store.put("run", asset, read)).rejects.toMatchObject({
    code: "data.asset-changed",
    message: `${asset.path} changed after the run was planned: its SHA-256 was ${asset.sha256} and is now ${sha256("w3ights")}`,
  });
  expect(readdirSync(here("shared"))).toEqual([]);
  writeFileSync(asset.path, "weights");
  await store.put("run", asset, read);
  rmSync(asset.path);
  await store.put("run", asset, read);
  expect(await cacheOver([store]).locate(asset)).toMatchObject({ at: here("assets", asset.sha256) });
  await expect(storeIn(here("other")).put("run", asset, read)).rejects.toMatchObject({
    code: "data.asset-changed",
    message: `${asset.path} changed after the run was planned: it cannot be read any more`,
  });
});

function fail(): never {
  throw new Error("there are three");
}
