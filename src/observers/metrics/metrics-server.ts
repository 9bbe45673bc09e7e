/**
 * Serves GET /metrics, and GET /healthz for probes of an orchestrator. Neither needs a token: the address decides who
 * may ask, and on the loopback the Host header has to name it. The port is apart from the HTTP interface, so that clients of that one cannot keep a probe out.
 */
import { createServer } from "node:http";
import { InfraError } from "../../errors.js";
import { limitConnections, slowClientLimits } from "../../http/connection-limits.js";
import { hostnameOf, isLoopback } from "../../http/hosts.js";
import type { Exposition } from "./metrics.js";

export interface Listening {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
}

export interface MetricsServer {
  /** Where it listens by now. */
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
    // A page of another site may reach a port of the loopback by a name of its own. A probe learns nothing.
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
            hint: "Choose an address of this machine, and a port that is free.",
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
