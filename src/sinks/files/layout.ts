/**
 * The directories of a target. `.out.nightshift` is beside `out` on the same device, so that everything in it
 * can be linked and renamed into place:
 *
 * ```
 * .out.nightshift/
 *   log/<20 digits>.json             the publication log: it alone commits
 *   staging/<run>/<attempt>/…        durable files of workers; every version is linked from them
 *   v/<seq>-<run>/                   complete versions: hard links, _manifest.json, _SUCCESS
 *   shown/<20 digits>                entries whose publication was completely shown
 *   scratch/                         temporary names that will be linked or renamed
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

/** Fixed width, so that the byte order of names is the order of numbers. */
export function numbered(seq: number): string {
  return String(seq).padStart(20, "0");
}

export function versionName(seq: number, runId: string): string {
  return `${String(seq).padStart(6, "0")}-${runId}`;
}

/** Returns the publication of a version's directory name, or `null` for other names. */
export function publicationOfVersion(name: string): number | null {
  const digits = /^(\d{6,})-/.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
}

/** Returns the link target of `out`, relative to its own directory, so that both can be moved together. */
export function linkTarget(layout: Layout, version: string): string {
  return join(areaName(layout.name), "v", version);
}

/** Returns the version that a symlink of Nightshift names, or `null` for other symlinks. */
export function versionOfLink(layout: Layout, target: string): string | null {
  const version = basename(target);
  return target === linkTarget(layout, version) && publicationOfVersion(version) !== null ? version : null;
}

/** Names of Nightshift's own files at the root of every version. */
export const manifestName = "_manifest.json";
export const successName = "_SUCCESS";
/** With this suffix, tools that read a directory of data files ignore the file. */
export const stagedSuffix = ".staged";
