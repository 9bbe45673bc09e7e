import type { Asset } from "../job/plan.js";

/**
 * Where assets lie by their digests, for workers that do not find them under the path that the run was planned with. A
 * coordinator puts them there before it hands anything out; what lies there never changes.
 */
export interface AssetShelf {
  /** For people; without secrets. */
  readonly place: string;
  /**
   * Keeps an asset for as long as the run may need it. What is there already is not read again; may be repeated.
   * @param read its bytes in order, verified at their end; called again where an answer was lost
   * @throws what `read` throws, and nothing was kept
   */
  put(runId: string, asset: Asset, read: ReadAsset): Promise<void>;
  /** Its bytes in order; `null` where it is not there. Whoever asks for them verifies them. */
  get(asset: Asset): Promise<AsyncIterable<Uint8Array> | null>;
}

export type ReadAsset = (asset: Asset) => AsyncIterable<Uint8Array>;

/** A shelf that knows which runs still need what lies on it. */
export interface CollectedShelf extends AssetShelf {
  /** Removes what no run needs that may still go on. Called by `gc`. @returns what was, or with `dryRun` would be, removed */
  collect(dryRun: boolean): Promise<readonly ShelvedAsset[]>;
}

export interface ShelvedAsset {
  readonly sha256: string;
  readonly bytes: number;
}
