import type { ListenAddress } from "../../api/listen.js";
import type { MetricsText } from "../../api/operations.js";
import type { Cli } from "../shell/context.js";
import type { Service } from "./open-service.js";
import type { ServeEvent } from "./serve-text.js";
import { apiToken } from "./token.js";

/** Where it will listen, and what it will ask for. */
export interface ApiPlace {
  readonly address: ListenAddress;
  readonly token: string | null;
}

export interface OpenApiOptions {
  readonly isDraining: () => boolean;
  readonly tell: (event: ServeEvent) => void;
  /** For `GET /metrics`. */
  readonly metrics: () => Promise<MetricsText>;
}

/** How long answers under way may take when everything else has ended. */
const graceMs = 3_000;

/** @returns `null` with `--listen none`. @throws SpecError `usage.listen`, `usage.no-token`, `usage.weak-token`, `usage.token-file` */
export async function apiPlace(
  cli: Cli,
  { listen, tokenFile }: { readonly listen: string; readonly tokenFile?: string },
): Promise<ApiPlace | null> {
  const { parseListen, refuseUnguarded } = await import("../../api/listen.js");
  const address = parseListen(listen);
  if (address === null) return null;
  const token = apiToken(cli, tokenFile);
  refuseUnguarded(address, token);
  return { address, token };
}

/** @throws SpecError `usage.address-in-use`, `usage.listen` */
export async function openApi(
  cli: Cli,
  service: Service,
  { address, token }: ApiPlace,
  { isDraining, tell, metrics }: OpenApiOptions,
): Promise<{ readonly close: () => Promise<void> }> {
  const { startApi } = await import("../../api/server.js");
  const { operationsOf } = await import("./operations.js");
  const server = await startApi(address, {
    operations: await operationsOf(cli, service),
    token,
    mask: cli.secrets.mask,
    isDraining,
    onBug: (error) => tell({ type: "serve.failed", error }),
    metrics,
  });
  tell({ type: "api.listening", url: server.url });
  return { close: () => server.close(graceMs) };
}
