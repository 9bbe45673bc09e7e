/** Encryption of a connection: the options of libpq, implemented with Node. */
import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import { InfraError } from "../errors.js";
import type { ConnectionUrl, SslMode } from "../job/connection.js";

export interface Tls {
  readonly options: ConnectionOptions;
  /** Continue without encryption if the server does not support TLS. */
  readonly optional: boolean;
}

/**
 * `prefer` and `require` check no certificate; `require` with a root certificate does, like `verify-ca`.
 * Without `sslrootcert`, or with `system`, the roots are those of Node and of `NODE_EXTRA_CA_CERTS`.
 *
 * @returns `null` for a connection without TLS
 * @throws InfraError `infra.tls` if a certificate's file cannot be read
 */
export function tlsOf({ host, options }: Pick<ConnectionUrl, "host" | "options">): Tls | null {
  const mode = (options.sslmode ?? "prefer") as SslMode;
  if (mode === "disable" || host.startsWith("/")) return null;
  const root = options.sslrootcert === "system" ? undefined : options.sslrootcert;
  const checksChain =
    mode === "verify-ca" || mode === "verify-full" || (mode === "require" && root !== undefined);
  return {
    optional: mode === "prefer",
    options: {
      rejectUnauthorized: checksChain,
      ...(root === undefined ? {} : { ca: read(root, "sslrootcert") }),
      ...(options.sslcert === undefined ? {} : { cert: read(options.sslcert, "sslcert") }),
      ...(options.sslkey === undefined ? {} : { key: read(options.sslkey, "sslkey") }),
      // Accepts a valid chain regardless of the host name it was issued for.
      ...(checksChain && mode !== "verify-full" ? { checkServerIdentity: () => undefined } : {}),
    },
  };
}

function read(path: string, option: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const why = cause instanceof Error && "code" in cause ? String(cause.code) : "it cannot be read";
    throw new InfraError("infra.tls", `${path}, the connection's ${option}, cannot be read: ${why}.`, {
      hint: "Check the path; a relative path starts from the current directory.",
      details: { file: path },
      cause,
    });
  }
}
