/**
 * A worker's own copies of assets, by digest, in its state directory. Several workers may share the
 * directory: its files are complete, and concurrent writes of the same asset are harmless. The loader of an
 * asset verifies it again.
 */
import { readdir, stat, unlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import type { Asset } from "../job/plan.js";
import type { Clock } from "../time/clock.js";
import type { BlobStore } from "./blob-store.js";
import { digestOf, verified } from "./blocks.js";
import { type DigestDirectory, keepFile, removeOldDrafts } from "./keep-file.js";
import { plannedFile } from "./planned-files.js";
import { assetDamaged, assetMissing } from "./refusals.js";

export interface AssetCacheOptions extends DigestDirectory {
  /** Directory of the hook bundles, if this machine has planned the run. */
  readonly hookDir: string;
  /** Blob stores to search, in this order, for assets that this machine does not have. */
  readonly blobStores: readonly BlobStore[];
  /** Above this size, the least recently used copies are removed. */
  readonly maxBytes?: number;
  readonly clock: Clock;
}

export interface AssetCache {
  /**
   * Returns the asset with the local path of its bytes: the planned file if it still has the planned bytes,
   * or a copy.
   * @throws InfraError `infra.asset-missing`, `infra.asset-damaged`
   */
  locate(asset: Asset): Promise<Asset>;
}

const usualMaxBytes = 8 * 1024 ** 3;
/** A copy used this recently is not removed, because a thread may be about to open it. */
const inUseMs = 60_000;

export function assetCache(options: AssetCacheOptions): AssetCache {
  const { directory, hookDir, blobStores, clock, maxBytes = usualMaxBytes } = options;
  /** State of each file, by path, when it was last verified. */
  const known = new Map<string, string>();
  const fetching = new Map<string, Promise<string>>();

  /** Verifies a file. It is hashed again only if its metadata has changed. */
  async function isIntact(path: string, { sha256, size }: Asset): Promise<boolean> {
    const found = await stat(path, { bigint: true }).catch(() => null);
    if (found === null || !found.isFile() || found.size !== BigInt(size)) return false;
    const identity = `${sha256} ${found.dev} ${found.ino} ${found.mtimeNs}`;
    if (known.get(path) === identity) return true;
    if ((await digestOf(path)) !== sha256) return false;
    known.set(path, identity);
    return true;
  }

  async function fetch(asset: Asset): Promise<string> {
    for (const store of blobStores) {
      const blocks = await store.get(asset);
      if (blocks === null) continue;
      const whole = verified(blocks, asset.sha256, (found) => assetDamaged(asset, store, found));
      const path = await keepFile(options, asset.sha256, whole);
      await makeRoom(path);
      return path;
    }
    throw assetMissing(
      asset,
      blobStores.map(({ place }) => place),
    );
  }

  /** Fetches an asset once at a time, because all threads of a worker ask for it at the same moment. */
  function fetchOnce(asset: Asset): Promise<string> {
    const { sha256 } = asset;
    const running = fetching.get(sha256) ?? fetch(asset).finally(() => fetching.delete(sha256));
    fetching.set(sha256, running);
    return running;
  }

  async function makeRoom(newest: string): Promise<void> {
    const nowMs = clock.now().getTime();
    await removeOldDrafts(options, nowMs);
    const files = await copiesIn(directory);
    let held = files.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const { path, bytes, usedMs } of files.sort((a, b) => a.usedMs - b.usedMs)) {
      if (held <= maxBytes) return;
      if (path === newest || nowMs - usedMs < inUseMs) continue;
      await unlink(path).catch(() => undefined);
      held -= bytes;
    }
  }

  /**
   * Sets the access time explicitly, because file systems may not update it on reads. The modification time
   * stays.
   */
  async function markUsed(path: string): Promise<void> {
    const { mtime } = await stat(path);
    await utimes(path, clock.now(), mtime);
  }

  return {
    async locate(asset) {
      const planned = plannedFile(asset, hookDir);
      if (await isIntact(planned, asset)) return asset;
      const copy = join(directory, asset.sha256);
      const at = (await isIntact(copy, asset)) ? copy : await fetchOnce(asset);
      await markUsed(at).catch(() => undefined);
      return { ...asset, at };
    },
  };
}

async function copiesIn(directory: string) {
  const files = [];
  for (const name of await readdir(directory)) {
    if (!/^[0-9a-f]{64}$/.test(name)) continue;
    const path = join(directory, name);
    const found = await stat(path).catch(() => null);
    if (found?.isFile() === true) files.push({ path, bytes: found.size, usedMs: found.atimeMs });
  }
  return files;
}
