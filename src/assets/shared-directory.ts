/** A directory that all machines share, for assets that are too large for a ledger. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Asset } from "../job/plan.js";
import { shellLine } from "../text/shell-line.js";
import type { BlobStore } from "./blob-store.js";
import { blocksOf } from "./blocks.js";
import { type DigestDirectory, keepFile } from "./keep-file.js";

/** Files are named by their digests. They stay until an operator removes them. */
export function sharedDirectory(store: DigestDirectory): BlobStore {
  const { directory } = store;
  const pathOf = ({ sha256 }: Asset): string => join(directory, sha256);

  /** Only checks the size: the writer has verified the content, and the reader verifies it again. */
  async function isThere(asset: Asset): Promise<boolean> {
    const found = await stat(pathOf(asset)).catch(() => null);
    return found?.isFile() === true && found.size === asset.size;
  }

  return {
    place: directory,
    async put(_runId, asset, read) {
      if (!(await isThere(asset))) await keepFile(store, asset.sha256, read(asset));
    },
    removal: (asset) => shellLine("rm", pathOf(asset)),
    get: async (asset) => ((await isThere(asset)) ? blocksOf(pathOf(asset)) : null),
  };
}
