/** A directory that all machines share, for assets that are too large for a ledger. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Asset } from "../job/plan.js";
import type { AssetShelf } from "./asset-shelf.js";
import { blocksOf } from "./blocks.js";
import { type DigestDirectory, keepFile } from "./keep-file.js";

/** Files are named by their digests, and stay until somebody removes them. */
export function sharedDirectory(shelf: DigestDirectory): AssetShelf {
  const { directory } = shelf;
  const pathOf = ({ sha256 }: Asset): string => join(directory, sha256);

  /** Whether it is the asset is for its reader to verify: a writer of that name had verified it, too. */
  async function isThere(asset: Asset): Promise<boolean> {
    const found = await stat(pathOf(asset)).catch(() => null);
    return found?.isFile() === true && found.size === asset.size;
  }

  return {
    place: directory,
    async put(_runId, asset, read) {
      if (!(await isThere(asset))) await keepFile(shelf, asset.sha256, read(asset));
    },
    get: async (asset) => ((await isThere(asset)) ? blocksOf(pathOf(asset)) : null),
  };
}
