/** A database's URL, with its secrets, from the environment of this very process. */

import { type Environment, isAllowed } from "../config.js";
import { SpecError } from "../errors.js";
import {
  type Connection,
  type ConnectionOption,
  type ConnectionUrl,
  isBadUrl,
  parseConnectionUrl,
  withoutPassword,
} from "../job/connection.js";
import { expandText } from "../spec/expand-tree-variables.js";
import { createSecrets, type Secrets } from "../spec/secrets.js";

export interface ConnectionPlace {
  readonly environment: Environment;
  /** Learns the password. */
  readonly secrets?: Secrets;
}

/** What libpq takes from the environment where a URL does not tell. The database and its host are a job's identity. */
const environmentOptions: { readonly [name in ConnectionOption]?: string } = {
  sslmode: "PGSSLMODE",
  sslrootcert: "PGSSLROOTCERT",
  sslcert: "PGSSLCERT",
  sslkey: "PGSSLKEY",
  sslnegotiation: "PGSSLNEGOTIATION",
  channel_binding: "PGCHANNELBINDING",
  connect_timeout: "PGCONNECT_TIMEOUT",
};

/**
 * @throws SpecError `connection.unresolved` where a variable or a secret file is missing here; `connection.invalid`;
 * `refused.other-database` where it leads elsewhere than when the job was read
 */
export function resolveConnection(connection: Connection, place: ConnectionPlace): ConnectionUrl {
  const { template, baseDir, address } = connection;
  const { environment, secrets = createSecrets() } = place;
  const expanded = expandText(template, { baseDir, environment, secrets });
  if (expanded.problem !== null)
    throw new SpecError(
      "connection.unresolved",
      `${address} cannot be reached from here: ${secrets.mask(expanded.problem)}.`,
      {
        hint: "Every process of a run needs the same variables and secret files as the one that started it.",
      },
    );
  const url = connectionUrl(expanded.text, { environment, secrets }, `The URL of ${address}`);
  if (!isAllowed(environment, "NIGHTSHIFT_HOSTS", url.host))
    throw new SpecError("refused.host", `${url.host} is not in NIGHTSHIFT_HOSTS.`, {
      hint: "Name a host that the operator allows.",
      details: { address: url.address },
    });
  if (url.address === address) return { ...url, writtenAs: withoutPassword(template) };
  throw new SpecError(
    "refused.other-database",
    `The job was planned for ${address}, and its URL leads to ${url.address} here.`,
    { hint: "Set the variables in its URL as they were, or start the job anew.", details: { address } },
  );
}

/** @param what what the text is, for an error: it may be secret itself */
export function connectionUrl(text: string, place: ConnectionPlace, what: string): ConnectionUrl {
  const { environment, secrets } = place;
  const url = parseConnectionUrl(text);
  if (isBadUrl(url))
    throw new SpecError("connection.invalid", `${what} cannot be used: ${url.failure}.`, {
      hint: url.suggestion,
    });
  const password = url.password() ?? (environment.PGPASSWORD || null);
  if (password !== null) secrets?.add(password);
  const options: { [name in ConnectionOption]?: string } = { ...url.options };
  for (const [option, variable] of Object.entries(environmentOptions) as [ConnectionOption, string][]) {
    const value = environment[variable];
    if (value) options[option] ??= value;
  }
  return { ...url, user: url.user ?? (environment.PGUSER || null), password: () => password, options };
}
