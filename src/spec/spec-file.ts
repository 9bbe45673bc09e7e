import { readFile, stat } from "node:fs/promises";
import { SpecError } from "../errors.js";

/** Far more than any job needs, and small enough to be harmless. */
const maxSpecBytes = 256 * 1024;

/**
 * Reads the text of a spec.
 * @param file displayed name
 * @throws SpecError `spec.not-found`, `spec.unreadable`, `spec.too-large`, `spec.not-text`
 */
export async function readSpecFile(path: string, file: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > maxSpecBytes)
      throw new SpecError("spec.too-large", `${file} has ${size} bytes; a spec has at most ${maxSpecBytes}`, {
        hint: "check the path: this is not a job spec",
        details: { file, bytes: size },
      });
    return decode(await readFile(path), file);
  } catch (error) {
    throw error instanceof SpecError ? error : translate(error, file);
  }
}

function decode(bytes: Uint8Array, file: string): string {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (!text.includes("\0")) return text;
  } catch {
    // Reported below.
  }
  throw new SpecError("spec.not-text", `${file} is not text in UTF-8`, {
    hint: "check the path: this is not a job spec",
    details: { file },
  });
}

function translate(error: unknown, file: string): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const options = { details: { file }, cause: error };
  if (code === "ENOENT" || code === "ENOTDIR")
    return new SpecError("spec.not-found", `there is no file ${file}`, {
      ...options,
      hint: "list the jobs with `nightshift ls jobs`",
    });
  if (code === "EISDIR")
    return new SpecError("spec.unreadable", `${file} is a directory`, {
      ...options,
      hint: "name a file in it",
    });
  if (code === "EACCES")
    return new SpecError("spec.unreadable", `${file} cannot be read: permission denied`, {
      ...options,
      hint: "check the permissions of the file and its directories",
    });
  return error;
}
