// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is how databases are named
/**
 * Local paths as users type and read them. Other forms are refused, so they never become the name of a file
 * or folder.
 */
import { isAbsolute, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { SpecError } from "../errors.js";
import { isConnectionUrl } from "../job/connection.js";
import { placeOf, targetOf, type WriteSpec } from "../job/output.js";
import { schemeOf, shownAddress } from "../text/path-scheme.js";
import { oneLine } from "../text/visible-text.js";

/** Absolute; `file:///x` is `/x`. @throws SpecError `usage.empty-path`, `usage.reference-in-path`, `usage.unsupported-scheme` */
export function localPath(path: string, cwd: string): string {
  if (path === "")
    throw new SpecError("usage.empty-path", "a path is empty", {
      hint: "Name a file or a directory; `.` is this one. A variable of the shell may not be set.",
    });
  if (path.includes("${"))
    throw new SpecError("usage.reference-in-path", `${path} is not a path`, {
      hint: "Variables are expanded in the URL of a database alone, beside --table or --to-table. For a path, let the shell expand them: use double quotes.",
    });
  const scheme = schemeOf(path);
  if (scheme === "file") return fromFileUrl(path);
  if (scheme === null && !path.includes("://")) return resolve(cwd, path);
  throw new SpecError("usage.unsupported-scheme", `${shownAddress(path)} is not on the local file system`, {
    hint: isConnectionUrl(path)
      ? "A database goes with a table: score, preview, inspect and init take --table for one that is read; score and init take --to-table for one that is written."
      : "Copy it here first; local paths, globs, directories and tables of PostgreSQL are read and written so far.",
    details: { scheme: scheme ?? "" },
  });
}

function fromFileUrl(url: string): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new SpecError("usage.unsupported-scheme", `${shownAddress(url)} is not a file of this machine`, {
      hint: "Write file:///path, or the path alone.",
      details: { scheme: "file" },
      cause,
    });
  }
}

/** Formats a path for a user in `cwd`: relative if that is shorter to read. */
export function shownPath(path: string, cwd: string): string {
  const near = relative(cwd, path);
  if (near === "") return ".";
  return oneLine(near.startsWith(`..${sep}..`) || isAbsolute(near) ? path : near);
}

/** Formats an output, which need not be a path. */
export function shownTarget(write: WriteSpec, cwd: string): string {
  const place = placeOf(write);
  return place.is === "path" ? shownPath(place.path, cwd) : targetOf(write);
}
