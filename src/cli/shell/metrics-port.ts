import { InvalidArgumentError } from "commander";
import { isLoopback } from "../../http/hosts.js";
import type { Metrics } from "../../observers/metrics/metrics.js";
import type { Listening, MetricsServer } from "../../observers/metrics/metrics-server.js";
import { logLine } from "../output/log-line.js";
import type { Cli } from "./context.js";

/** `127.0.0.1:9464`, `[::1]:9464`, or a port of the loopback address. */
export function address(text: string): Listening {
  const [, six, four, port = text] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+)):(\d+)$/i.exec(text) ?? [];
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
    throw new InvalidArgumentError("Give an address and a port, such as 127.0.0.1:9464.");
  return { host: six ?? four ?? "127.0.0.1", port: Number(port) };
}

/** @throws InfraError `infra.cannot-listen` */
export async function listenForMetrics(
  cli: Cli,
  at: Listening,
  { metrics }: Metrics,
): Promise<MetricsServer> {
  const { serveMetrics } = await import("../../observers/metrics/metrics-server.js");
  const server = await serveMetrics(at, metrics);
  const isOpen = !isLoopback(at.host);
  if (cli.globals.json) logLine(cli, "metrics.listening", { url: server.url, open: isOpen });
  else if (!cli.globals.quiet)
    cli.note({
      ...{ level: "info", message: "metrics listening", text: `metrics at ${server.url}` },
      fields: { url: server.url },
    });
  if (isOpen && !cli.globals.json)
    cli.note({
      ...{ level: "warn", message: "metrics open" },
      text: `metrics at ${server.url} need no token: let only the scraper reach that port`,
      fields: { url: server.url, hint: "no token is needed: let only the scraper reach this port" },
    });
  return server;
}
