/**
 * Stores a run's assets by digest where every worker can get them, before its partitions are sent to workers.
 */

import type { BlobStore, ReadAsset } from "../assets/blob-store.js";
import { assetsTooLarge } from "../assets/refusals.js";
import { type Asset, assetsToRun, type Plan } from "../job/plan.js";

export interface AssetSharing {
  /** For small assets. */
  readonly ledger: BlobStore;
  /** A directory for larger assets, if one is configured. */
  readonly directory: BlobStore | null;
  readonly read: ReadAsset;
}

/**
 * Limit for all assets of a run together. They are stored in the database beside its progress, and in its
 * backups.
 */
const maxLedgerBytes = 64 * 1024 * 1024;

/** May be repeated. @throws SpecError `refused.assets-too-large`; DataError `data.asset-changed` */
export async function shareAssets(
  runId: string,
  plan: Plan,
  { ledger, directory, read }: AssetSharing,
): Promise<void> {
  const assets = byDigest(assetsToRun(plan));
  const totalBytes = assets.reduce((sum, { size }) => sum + size, 0);
  const store = totalBytes <= maxLedgerBytes ? ledger : directory;
  if (store === null) throw assetsTooLarge(assets, totalBytes, maxLedgerBytes);
  for (const asset of assets) await store.put(runId, asset, read);
}

/** One file may play several roles. */
function byDigest(assets: readonly Asset[]): readonly Asset[] {
  return [...new Map(assets.map((asset) => [asset.sha256, asset])).values()];
}
