import type { Asset } from "../job/plan.js";

/**
 * Stores assets by digest, for workers that do not find them under the path of the plan. A coordinator stores
 * them before it sends out any partition; a stored asset never changes.
 */
export interface BlobStore {
  /** Name of the store for messages; without secrets. */
  readonly place: string;
  /**
   * Stores an asset for as long as the run may need it. An asset that is stored already is not read again.
   * May be repeated.
   * @param read returns the asset's bytes in order and verifies them at the end; called again if an answer
   * was lost
   * @throws what `read` throws; nothing is stored then
   */
  put(runId: string, asset: Asset, read: ReadAsset): Promise<void>;
  /** Returns the asset's bytes in order; `null` if it is not stored. The caller verifies them. */
  get(asset: Asset): Promise<AsyncIterable<Uint8Array> | null>;
  /** Returns the command by which an operator removes a damaged asset, so that {@link put} writes it again. */
  removal(asset: Asset): string;
}

export type ReadAsset = (asset: Asset) => AsyncIterable<Uint8Array>;

/** A store that knows which runs still need its assets. */
export interface CollectedBlobStore extends BlobStore {
  /**
   * Removes the assets that no unfinished run needs. Called by `gc`. @returns the assets that were, or with
   * `dryRun` would be, removed
   */
  collect(dryRun: boolean): Promise<readonly StoredBlob[]>;
}

export interface StoredBlob {
  readonly sha256: string;
  readonly bytes: number;
}
