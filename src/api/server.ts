/** The listening socket: deadlines for slow clients, and a shutdown that waits for responses in progress. */
import { once } from "node:events";
import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { InfraError, SpecError } from "../errors.js";
import { limitConnections, slowClientLimits } from "../http/connection-limits.js";
import type { ServiceContext } from "../service/context.js";
import { serviceRequests } from "../service/requests.js";
import type { Service, ServiceEvent } from "../service/serve.js";
import { type ApiParts, apiApp, type MetricsText } from "./app.js";
import type { ApiPlace, ListenAddress } from "./listen.js";

interface ApiServer {
  /** As a URL, with the port that it got. */
  readonly url: string;
  /** Accepts no more connections; resolves when the responses in progress are sent, or the time is over. */
  close(graceMs: number): Promise<void>;
}

const limits = { total: 256, waitingOfAddress: 64 };

export interface OpenApiOptions {
  readonly isDraining: () => boolean;
  readonly tell: (event: ServiceEvent) => void;
  /** Returns what `GET /metrics` answers. */
  readonly metrics: () => Promise<MetricsText>;
}

/** How long answers may take to end when everything else has ended. */
const graceMs = 3_000;

/** Opens the HTTP interface of a running service. @throws SpecError `usage.address-in-use`, `usage.listen` */
export async function openApi(
  context: ServiceContext,
  service: Service,
  { address, token }: ApiPlace,
  { isDraining, tell, metrics }: OpenApiOptions,
): Promise<{ readonly url: string; readonly close: () => Promise<void> }> {
  const server = await startApi(address, {
    requests: await serviceRequests(context, service),
    cwd: context.cwd,
    token,
    mask: context.secrets.mask,
    isDraining,
    onBug: (error) => tell({ type: "serve.failed", error }),
    metrics,
  });
  tell({ type: "api.listening", url: server.url });
  return { url: server.url, close: () => server.close(graceMs) };
}

/** @throws SpecError `usage.address-in-use`, `usage.listen`; InfraError `infra.permission` */
async function startApi({ host, port }: ListenAddress, parts: ApiParts): Promise<ApiServer> {
  const server = createAdaptorServer({
    fetch: apiApp(parts).fetch,
    serverOptions: slowClientLimits,
  }) as Server;
  limitConnections(server, limits);
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (thrown) {
    throw listenError(thrown, `${host}:${port}`);
  }
  // From now on it is a connection's trouble, and not the service's.
  server.on("error", () => undefined);
  return {
    url: urlOf(server, host),
    async close(graceMs) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(timer);
    },
  };
}

function urlOf(server: Server, host: string): string {
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function listenError(thrown: unknown, address: string): Error {
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  const cause = { cause: thrown };
  if (code === "EADDRINUSE")
    return new SpecError("usage.address-in-use", `another process listens on ${address}`, {
      hint: "Choose another port with --listen, or none.",
      ...cause,
    });
  if (code === "EACCES")
    return new InfraError("infra.permission", `this user may not listen on ${address}`, {
      hint: "Choose a port from 1024 on.",
      ...cause,
    });
  return new SpecError("usage.listen", `this machine cannot listen on ${address} (${code})`, {
    hint: "Give --listen an address of this machine, such as 127.0.0.1:8080.",
    ...cause,
  });
}
