/**
 * Stores bundles by digest, beside the runs that use them. A bundle remains when its source changes or
 * disappears.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { copyDamaged } from "../assets/refusals.js";
import { SpecError } from "../errors.js";
import type { Asset } from "../job/plan.js";
import type { FileSystem } from "../stores/file-system.js";

export interface BundleStore {
  /** Stores a bundle; it is durable when the promise resolves. */
  put(bytes: Uint8Array): Promise<{ readonly sha256: string; readonly size: number }>;
  /**
   * Reads and verifies a bundle. @throws SpecError `hook.missing`; InfraError `infra.asset-damaged` if it is
   * a worker's own copy
   */
  get(asset: Asset): Promise<Uint8Array>;
}

/** @param directory absolute; created on first use */
export function bundleStore(directory: string, fileSystem: FileSystem, newId: () => string): BundleStore {
  const pathOf = (sha256: string): string => join(directory, `${sha256}.cjs`);

  async function intact(sha256: string, path = pathOf(sha256)): Promise<Uint8Array | null> {
    const bytes = await fileSystem.readFile(path);
    return bytes !== null && digestOf(bytes) === sha256 ? bytes : null;
  }

  return {
    async put(bytes) {
      const sha256 = digestOf(bytes);
      if ((await intact(sha256)) === null) {
        await fileSystem.mkdir(directory);
        const draft = join(directory, `.${newId()}`);
        await fileSystem.writeFile(draft, bytes);
        await fileSystem.rename(draft, pathOf(sha256));
        await fileSystem.syncDirectory(directory);
      }
      return { sha256, size: bytes.length };
    },
    async get(asset) {
      const { sha256, path: source, at } = asset;
      const bytes = await intact(sha256, at);
      if (bytes !== null) return bytes;
      if (at !== undefined) throw copyDamaged(asset, "it is gone, or its contents are not the same");
      throw new SpecError(
        "hook.missing",
        `the bundle of ${source} from the run's plan is missing from ${directory}, or was changed there`,
        {
          hint: "use the state directory that the run was planned with (--state), or plan again",
          details: { file: source, sha256 },
        },
      );
    },
  };
}

function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
