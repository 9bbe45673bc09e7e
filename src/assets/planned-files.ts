/** Assets at the paths of the plan, on the machine that planned the run or on one with the same files. */
import { join } from "node:path";
import { NightshiftError } from "../errors.js";
import type { Asset } from "../job/plan.js";
import type { ReadAsset } from "./blob-store.js";
import { blocksOf, verified } from "./blocks.js";
import { assetChanged } from "./refusals.js";

/**
 * Returns the path where an asset's bytes are expected. For a hook that is its bundle; the asset's path is
 * its source.
 */
export function plannedFile({ role, path, sha256 }: Asset, hookDir: string): string {
  return role === "pre-hook" || role === "post-hook" ? join(hookDir, `${sha256}.cjs`) : path;
}

/**
 * Returns a reader of planned files. @throws DataError `data.asset-changed`, after the last block at the
 * latest
 */
export function plannedFiles(hookDir: string): ReadAsset {
  return async function* read(asset) {
    const file = plannedFile(asset, hookDir);
    try {
      yield* verified(blocksOf(file), asset.sha256, (found) => assetChanged(asset, file, found));
    } catch (thrown) {
      throw thrown instanceof NightshiftError ? thrown : assetChanged(asset, file, null, thrown);
    }
  };
}
