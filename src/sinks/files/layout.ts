/**
 * Where a target keeps its things. Beside `out` lies `.out.nightshift`, on the same device, so that everything in it
 * can be linked and renamed into place:
 *
 * ```
 * .out.nightshift/
 *   log/<20 digits>.json             the publication log: it alone commits
 *   staging/<run>/<attempt>/…        what workers made durable; also what every version is linked from
 *   v/<seq>-<run>/                   whole versions: hard links, _manifest.json, _SUCCESS
 *   shown/<20 digits>                entries that were seen through to the visible output
 *   scratch/                         names that are about to be linked or renamed elsewhere
 * out.quarantine/<run>/              rows that could not be scored
 * ```
 */
import { basename, dirname, join } from "node:path";

export interface Layout {
  readonly to: string;
  readonly name: string;
  readonly parent: string;
  readonly area: string;
  readonly log: string;
  readonly staging: string;
  readonly versions: string;
  readonly shown: string;
  readonly scratch: string;
  readonly quarantine: string;
}

export function layoutOf(to: string): Layout {
  const name = basename(to);
  const parent = dirname(to);
  const area = join(parent, areaName(name));
  return {
    to,
    name,
    parent,
    area,
    log: join(area, "log"),
    staging: join(area, "staging"),
    versions: join(area, "v"),
    shown: join(area, "shown"),
    scratch: join(area, "scratch"),
    quarantine: join(parent, `${name}.quarantine`),
  };
}

function areaName(name: string): string {
  return `.${name}.nightshift`;
}

/** Fixed width, so that names in byte order are numbers in order. */
export function numbered(seq: number): string {
  return String(seq).padStart(20, "0");
}

export function versionName(seq: number, runId: string): string {
  return `${String(seq).padStart(6, "0")}-${runId}`;
}

/** The publication that a version's directory holds, or `null` for anything else. */
export function publicationOfVersion(name: string): number | null {
  const digits = /^(\d{6,})-/.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
}

/** What `out` points to, relative to its own directory, so that both can be moved together. */
export function linkTarget(layout: Layout, version: string): string {
  return join(areaName(layout.name), "v", version);
}

/** The version that a symlink of ours names, or `null` where somebody else made it. */
export function versionOfLink(layout: Layout, target: string): string | null {
  const version = basename(target);
  return target === linkTarget(layout, version) && publicationOfVersion(version) !== null ? version : null;
}

/** Files of ours at the root of every version. */
export const manifestName = "_manifest.json";
export const successName = "_SUCCESS";
/** Nothing that reads a directory of data takes these for data. */
export const stagedSuffix = ".staged";
