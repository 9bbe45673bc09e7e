/** Errors about assets on their way to a worker. */
import { DataError, InfraError, SpecError } from "../errors.js";
import type { Asset } from "../job/plan.js";
import { bytes, counted } from "../text/human.js";

/**
 * Error of an asset that changed before it was stored for workers. @param found the file's present digest;
 * `null`: it cannot be read
 */
export function assetChanged(asset: Asset, file: string, found: string | null, cause?: unknown): DataError {
  const now =
    found === null ? "it cannot be read any more" : `its SHA-256 was ${asset.sha256} and is now ${found}`;
  return new DataError(
    "data.asset-changed",
    `${nameOf(asset, file)} changed after the run was planned: ${now}`,
    {
      hint: "Put the planned file back, or start a new run with --restart, which plans with the file as it is now.",
      details: { ...detailsOf(asset), found },
      cause,
    },
  );
}

/** Error of an asset that was damaged on its way to a worker. */
export function assetDamaged(
  asset: Asset,
  store: { readonly place: string; removal(asset: Asset): string },
  found: string,
): InfraError {
  const { place } = store;
  return new InfraError(
    "infra.asset-damaged",
    `${place} has other bytes for the ${asset.role} ${asset.path}: SHA-256 ${asset.sha256} was expected, ${found} was found`,
    {
      hint: `Remove it: ${store.removal(asset)}. Then nightshift retry stores it again.`,
      details: { ...detailsOf(asset), place, found },
    },
  );
}

/** Error of a worker's own copy that is damaged. @param how a clause: `it is gone` */
export function copyDamaged(asset: Asset, how: string, cause?: unknown): InfraError {
  const copy = asset.at ?? asset.path;
  return new InfraError(
    "infra.asset-damaged",
    `${copy}, this machine's copy of the ${asset.role} ${asset.path} with SHA-256 ${asset.sha256}, is damaged: ${how}`,
    {
      hint: "Remove the copy: the worker then fetches it again.",
      details: { ...detailsOf(asset), place: copy },
      cause,
    },
  );
}

/** Error of a worker that found an asset in none of the places. */
export function assetMissing(asset: Asset, places: readonly string[]): InfraError {
  return new InfraError(
    "infra.asset-missing",
    `the ${asset.role} ${asset.path} was not found with its planned SHA-256 ${asset.sha256}, neither on this machine nor at ${places.join(", nor at ")}`,
    {
      hint: "If the run was planned with NIGHTSHIFT_ASSETS, set it to the same directory for this worker. nightshift retry stores assets there again.",
      details: { ...detailsOf(asset), places },
    },
  );
}

export function assetsTooLarge(assets: readonly Asset[], totalBytes: number, maxBytes: number): SpecError {
  const [largest] = [...assets].sort((a, b) => b.size - a.size);
  const most = largest === undefined ? "" : `, of which ${largest.path} has ${bytes(largest.size)}`;
  return new SpecError(
    "refused.assets-too-large",
    `the run needs ${counted(assets.length, "file")} with ${bytes(totalBytes)}${most}; the ledger transfers at most ${bytes(maxBytes)} to workers.`,
    {
      hint: "Set a directory that the coordinator and all workers share, in each of them: NIGHTSHIFT_ASSETS=/mnt/shared/assets. Then nightshift retry.",
      details: { bytes: totalBytes, maxBytes, ...(largest === undefined ? {} : { file: largest.path }) },
    },
  );
}

/** @param path path of the hook's source */
export function hooksOff(path: string): SpecError {
  return new SpecError("refused.hooks-off", `${path} is a hook, and hooks do not run here`, {
    hint: "The operator set NIGHTSHIFT_HOOKS=off, or --no-hooks was given.",
    details: { file: path },
  });
}

/** Returns the name for messages. Users know a hook by its source; the transferred file is its bundle. */
function nameOf({ role, path }: Asset, file: string): string {
  return file === path ? path : `the bundle of the ${role} ${path}, ${file},`;
}

function detailsOf({ role, path, sha256 }: Asset) {
  return { file: path, role, sha256 };
}
