/**
 * Serves GET /metrics, and GET /healthz for probes of an orchestrator. Neither needs a token: the address decides who
 * may ask. The port is apart from the HTTP interface, so that clients of that one cannot keep a probe out.
 */
import { createServer } from "node:http";
import { InfraError } from "../../errors.js";
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

/** @throws InfraError `infra.cannot-listen` */
export async function serveMetrics(
  { host, port }: Listening,
  metrics: () => Promise<Exposition>,
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    const [path] = (request.url ?? "/").split("?");
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
