/** Assets as the machine has them that planned the run, or may have them. */
import { join } from "node:path";
import { NightshiftError } from "../errors.js";
import type { Asset } from "../job/plan.js";
import type { ReadAsset } from "./asset-shelf.js";
import { blocksOf, verified } from "./blocks.js";
import { assetChanged } from "./refusals.js";

/** Where an asset's bytes are expected. Of a hook that is its bundle: the path is its source. */
export function plannedFile({ role, path, sha256 }: Asset, hookDir: string): string {
  return role === "pre-hook" || role === "post-hook" ? join(hookDir, `${sha256}.cjs`) : path;
}

/** @throws DataError `data.asset-changed`, behind the last block at the latest */
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
