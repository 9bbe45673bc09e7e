/** How a connection is protected: libpq's words, carried out by Node. */
import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import { InfraError } from "../errors.js";
import type { ConnectionUrl, SslMode } from "../job/connection.js";

export interface Tls {
  readonly options: ConnectionOptions;
  /** Go on unprotected where the server speaks no TLS. */
  readonly optional: boolean;
}

/**
 * `prefer` and `require` check no certificate; `require` with a root certificate does, as `verify-ca`. Without
 * `sslrootcert`, or with `system`, the roots are those that Node comes with, and those of `NODE_EXTRA_CA_CERTS`.
 *
 * @returns `null` for a connection without TLS
 * @throws InfraError `infra.tls` where a certificate's file cannot be read
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
      // A chain that is right, whatever name it was issued to.
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
      hint: "Check the path; one that is not absolute starts from the current directory.",
      details: { file: path },
      cause,
    });
  }
}
