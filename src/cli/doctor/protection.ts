/** Reports unencrypted connections to other machines, which can be read or manipulated on the network. */

import { isLoopback } from "../../http/hosts.js";
import type { ConnectionUrl } from "../../job/connection.js";
import type { LogEntry } from "../../text/log-text.js";
import { ledgerUrl } from "../../wiring/open-ledger.js";
import { connectionUrl } from "../../wiring/resolve-connection.js";
import type { Cli } from "../shell/context.js";
import type { Finding } from "./finding.js";

export interface UnprotectedLink {
  readonly role: "ledger" | "queue";
  /** Without user and password. */
  readonly place: string;
  /** What the URL says. */
  readonly reason: string;
  readonly hint: string;
}

/** The ledger and the queue, where their hosts are not local and their URLs do not ask for TLS. */
export async function unprotectedLinks({
  settings,
  secrets,
}: Pick<Cli, "settings" | "secrets">): Promise<readonly UnprotectedLink[]> {
  const { ledger, queue, environment } = settings;
  const links: (UnprotectedLink | null)[] = [];
  if (ledger !== null) links.push(ofDatabase("ledger", await ledgerUrl(settings, secrets)));
  if (queue !== null)
    links.push(
      /^rediss?:/i.test(queue)
        ? ofRedis(queue)
        : ofDatabase("queue", connectionUrl(queue, { environment, secrets }, "The queue's URL")),
    );
  return links.filter((link) => link !== null);
}

function ofDatabase(role: UnprotectedLink["role"], url: ConnectionUrl): UnprotectedLink | null {
  const { sslmode = "prefer" } = url.options;
  const isLocal = url.host.startsWith("/") || isLoopback(url.host);
  if (isLocal || (sslmode !== "prefer" && sslmode !== "disable")) return null;
  return {
    ...{ role, place: url.address, reason: `sslmode=${sslmode}` },
    hint: "Add sslmode=verify-full to the URL: without it the server is not checked, and the connection may be unprotected.",
  };
}

function ofRedis(queue: string): UnprotectedLink | null {
  if (!URL.canParse(queue)) return null;
  const { protocol, hostname, host } = new URL(queue);
  if (protocol === "rediss:" || isLoopback(hostname.replace(/^\[(.*)\]$/, "$1"))) return null;
  return {
    ...{ role: "queue", place: `redis://${host}`, reason: "redis://" },
    hint: "Use rediss:// where the server has TLS: over redis:// the password and all messages can be read on their way.",
  };
}

/** As `serve` and `worker` log it. */
export function unprotectedEntry({ role, place, reason, hint }: UnprotectedLink): LogEntry {
  return { level: "warn", message: "connection unprotected", fields: { role, at: place, reason, hint } };
}

/** @returns nothing where all is protected, or a URL is wrong: that is for the checks of ledger and queue to say */
export async function checkProtection(cli: Cli): Promise<readonly Finding[]> {
  const links = await unprotectedLinks(cli).catch(() => []);
  return links.map(({ role, place, reason, hint }) => ({
    ...{ check: `${role} connection`, result: "warn", detail: `${place}: ${reason}`, hint },
  }));
}
