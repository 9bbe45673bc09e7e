import { readFileSync } from "node:fs";
import { SpecError } from "../../errors.js";
import { localPath } from "../lookup/local-path.js";
import type { Cli } from "../shell/context.js";

/**
 * What whoever asks over HTTP has to know; `null`: nothing. Masked from now on.
 * @param file `--token-file`, which wins over the environment
 * @throws SpecError `usage.token-file`
 */
export function apiToken({ settings, secrets, cwd }: Cli, file: string | undefined): string | null {
  const token = file === undefined ? settings.apiToken : readToken(localPath(file, cwd));
  if (token !== null) secrets.add(token);
  return token;
}

function readToken(path: string): string {
  const text = textOf(path).trim();
  if (text !== "" && !text.includes("\n")) return text;
  throw new SpecError("usage.token-file", `${path} does not hold one token`, {
    hint: "Write it into the file alone: openssl rand -hex 32 > token",
  });
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "unknown";
    throw new SpecError("usage.token-file", `the token cannot be read from ${path} (${code})`, {
      cause: thrown,
    });
  }
}
