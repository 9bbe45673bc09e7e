/**
 * Serves GET /metrics, and GET /healthz for the probes of an orchestrator. Neither needs a token: the
 * listening address decides who can connect, and on the loopback the Host header must name the loopback. The
 * port is separate from that of the HTTP API, so that API clients cannot block a probe.
 */
import { createServer } from "node:http";
import { InfraError } from "../../errors.js";
import { limitConnections, slowClientLimits } from "../../http/connection-limits.js";
import { hostnameOf, isLoopback } from "../../http/hosts.js";
import type { Exposition } from "./metrics.js";

export interface Listening {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

export interface MetricsServer {
  /** The URL on which it listens. */
  readonly url: string;
  close(): Promise<void>;
}

const limits = { total: 128, waitingOfAddress: 32 };

/** @throws InfraError `infra.cannot-listen` */
export async function serveMetrics(
  { host, port }: Listening,
  metrics: () => Promise<Exposition>,
): Promise<MetricsServer> {
  const server = createServer(slowClientLimits, (request, response) => {
    const [path] = (request.url ?? "/").split("?");
    // A web page of another site may reach a loopback port by a host name of its own. A probe response
    // reveals nothing.
    if (isLoopback(host) && path !== "/healthz" && !isLoopback(hostnameOf(request.headers.host ?? ""))) {
      const body = "Ask this port as localhost or 127.0.0.1.\n";
      response.writeHead(403, { "content-type": "text/plain" }).end(body);
      return;
    }
    const known = path === "/metrics" || path === "/healthz";
    const status = !known ? 404 : request.method === "GET" || request.method === "HEAD" ? 200 : 405;
    if (status !== 200 || path === "/healthz") {
      const body = status === 200 ? "ok\n" : "GET /metrics and GET /healthz are served here.\n";
      response.writeHead(status, { "content-type": "text/plain" }).end(body);
      return;
    }
    metrics().then(
      ({ contentType, body }) => response.writeHead(200, { "content-type": contentType }).end(body),
      () => response.writeHead(500).end(),
    );
  });
  limitConnections(server, limits);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) =>
      reject(
        new InfraError(
          "infra.cannot-listen",
          `metrics cannot be served at ${host}:${port}: ${cause.message}`,
          {
            hint: "Choose an address of this machine, and a free port.",
            cause,
          },
        ),
      ),
    );
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const bound = address !== null && typeof address === "object" ? address.port : port;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${bound}/metrics`,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
