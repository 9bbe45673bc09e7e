/** Machines of a soak: how processes there reach the servers. */
import { type CuttingProxy, cuttingProxy } from "./cutting-proxy.js";
import { ownNetwork } from "./own-network.js";
import type { Fleet, WorkerProcess } from "./queue-fleet.js";

/** Through proxies. */
export interface Lines {
  readonly proxies: readonly CuttingProxy[];
  readonly env: { readonly [name: string]: string };
}

/** A worker's machine: workers come there and go. */
export interface Place extends Lines {
  readonly through: readonly string[];
  readonly network: string;
  worker: WorkerProcess | null;
  leave(): void;
}

export async function placeFor(fleet: Fleet): Promise<Place> {
  const network = ownNetwork();
  if (typeof network === "string") {
    const lines = await linesTo(fleet, "127.0.0.1");
    return { ...lines, through: [], network: `none (${network})`, worker: null, leave: () => undefined };
  }
  const { host, through, remove } = network;
  return { ...(await linesTo(fleet, host)), through, network: "its own", worker: null, leave: remove };
}

export async function linesTo({ database, redis }: Fleet, at: string): Promise<Lines> {
  const ledger = await proxied(database.url, at);
  const queue = redis === null ? ledger : await proxied(redis.url, at);
  return {
    proxies: [...new Set([ledger.proxy, queue.proxy])],
    env: { NIGHTSHIFT_LEDGER: ledger.url, NIGHTSHIFT_QUEUE: queue.url },
  };
}

async function proxied(url: string, at: string) {
  const behind = new URL(url);
  const proxy = await cuttingProxy({ host: behind.hostname, port: Number(behind.port), at });
  behind.hostname = proxy.host;
  behind.port = String(proxy.port);
  return { proxy, url: behind.href };
}
