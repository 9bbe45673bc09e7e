/** Translates errors of the file system; each names its path. */
import { DataError, InfraError, type NightshiftError, SpecError } from "../../errors.js";

export function notAFile(path: string): SpecError {
  return new SpecError("source.not-a-file", `${path} is not a regular file`, { details: { path } });
}

/** Returns `null` if the file does not exist. */
export async function orNull<T>(found: Promise<T>): Promise<T | null> {
  return found.catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return null;
    throw error;
  });
}

export async function translate<T>(path: string, step: Promise<T>): Promise<T> {
  return step.catch((error) => {
    throw nativeError(path, error);
  });
}

export function attempt<T>(path: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw nativeError(path, error);
  }
}

function nativeError(path: string, error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error) || !("syscall" in error)) return error;
  const details = { file: path, errno: String(error.code) };
  const options = { details, cause: error };
  return errnoError(path, String(error.code), options);
}

function errnoError(
  path: string,
  errno: string,
  options: { readonly details: { readonly [key: string]: string }; readonly cause: Error },
): NightshiftError {
  switch (errno) {
    case "ENOENT":
    case "ENOTDIR":
    case "ESTALE":
      return new DataError("source.changed", `${path} was removed`, options);
    case "EACCES":
    case "EPERM":
      return new InfraError("infra.permission", `${path} cannot be read by this user`, {
        ...options,
        hint: "Give the user that runs Nightshift permission to read it.",
      });
    case "EISDIR":
      return new DataError("source.changed", `${path} is a directory now`, options);
    case "ELOOP":
      return new SpecError("source.not-a-file", `${path} is a symlink that leads to itself`, options);
    case "EMFILE":
    case "ENFILE":
      return new InfraError("infra.io", `${path} cannot be opened: too many files are open`, {
        ...options,
        hint: "Raise the limit of open files (ulimit -n).",
      });
    default:
      return new InfraError("infra.io", `${path} cannot be read (${errno})`, options);
  }
}
