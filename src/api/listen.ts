/** Where the HTTP interface listens, and its token: without one it listens on the loopback alone. */
import { readFileSync } from "node:fs";
import { SpecError } from "../errors.js";
import { isLoopback } from "../http/hosts.js";
import type { ServiceContext } from "../service/context.js";
import { localPath } from "../service/paths.js";

export interface ListenAddress {
  /** Without brackets. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

const leastTokenLength = 16;

/** `127.0.0.1:8080`, `[::1]:8080`; `null` for `none`. @throws SpecError `usage.listen` */
export function parseListen(text: string): ListenAddress | null {
  if (text === "none") return null;
  const match = /^(?:\[([0-9a-f:.%]+)\]|([^:[\]\s/@]+)):(\d{1,5})$/i.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host !== undefined && port <= 65_535) return { host: host.toLowerCase(), port };
  throw new SpecError("usage.listen", `\`${text}\` is no address to listen on`, {
    hint: "Give --listen as 127.0.0.1:8080, [::1]:8080 or none.",
  });
}

/** @throws SpecError `usage.no-token`, `usage.weak-token` */
export function refuseUnguarded({ host }: ListenAddress, token: string | null): void {
  if (token !== null && (token.length < leastTokenLength || !/^[\x21-\x7e]+$/.test(token)))
    throw new SpecError(
      "usage.weak-token",
      `the token has fewer than ${leastTokenLength} characters, or others than ASCII's`,
      {
        hint: "Make one with: openssl rand -hex 32",
      },
    );
  if (token !== null || isLoopback(host)) return;
  throw new SpecError(
    "usage.no-token",
    `every client that can reach ${host} could start and cancel runs: a token is needed`,
    {
      hint:
        "Set NIGHTSHIFT_API_TOKEN or give --token-file (openssl rand -hex 32 makes one), and let a proxy that speaks TLS" +
        " (Caddy, nginx, an ingress) stand before it: over plain HTTP the token can be read on its way. Or listen on 127.0.0.1.",
    },
  );
}

/** Where the interface will listen, and the token that clients have to send; `null`: none. */
export interface ApiPlace {
  readonly address: ListenAddress;
  readonly token: string | null;
}

/** @returns `null` for `none`. @throws SpecError `usage.listen`, `usage.no-token`, `usage.weak-token`, `usage.token-file` */
export function apiPlace(
  context: Pick<ServiceContext, "settings" | "secrets" | "cwd">,
  { listen, tokenFile }: { readonly listen: string; readonly tokenFile?: string },
): ApiPlace | null {
  const address = parseListen(listen);
  if (address === null) return null;
  const token = apiToken(context, tokenFile);
  refuseUnguarded(address, token);
  return { address, token };
}

/** The file wins over NIGHTSHIFT_API_TOKEN. The token is masked from now on. @throws SpecError `usage.token-file` */
function apiToken(
  { settings, secrets, cwd }: Pick<ServiceContext, "settings" | "secrets" | "cwd">,
  file: string | undefined,
): string | null {
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
