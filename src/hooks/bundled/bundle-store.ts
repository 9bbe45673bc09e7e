/** Bundles by their digest, beside the runs that use them. They outlive the sources they were made from. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { SpecError } from "../../errors.js";
import type { FileSystem } from "../../file-system.js";

export interface BundleStore {
  /** Durable when it returns. */
  put(bytes: Uint8Array): Promise<{ readonly sha256: string; readonly size: number }>;
  /** Verified. @param source for the message. @throws SpecError `hook.missing` */
  get(sha256: string, source: string): Promise<Uint8Array>;
}

/** @param directory absolute; made when it is needed */
export function bundleStore(directory: string, fileSystem: FileSystem, newId: () => string): BundleStore {
  const pathOf = (sha256: string): string => join(directory, `${sha256}.cjs`);

  async function intact(sha256: string): Promise<Uint8Array | null> {
    const bytes = await fileSystem.readFile(pathOf(sha256));
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
    async get(sha256, source) {
      const bytes = await intact(sha256);
      if (bytes !== null) return bytes;
      throw new SpecError(
        "hook.missing",
        `the bundle of ${source} that the run was planned with is not in ${directory}, or was changed there`,
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
