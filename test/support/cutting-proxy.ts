/** A proxy in front of a server that cuts connections where a test wants it: after a statement was sent, say. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface CuttingProxy {
  readonly port: number;
  /**
   * Cuts the next connection over which these bytes go to the server. `delivered`: the server gets them, and its answer
   * reaches nobody. `lost`: it never gets them.
   */
  cutAt(text: string, kind: "delivered" | "lost"): void;
  /** Over what is open now nothing goes any more, in either direction, and nobody is told. New connections work. */
  freeze(): void;
  /** Connections cut by now. */
  cuts(): number;
  /** Cuts whatever is open. */
  cutAll(): void;
  close(): Promise<void>;
}

export async function cuttingProxy(target: {
  readonly host: string;
  readonly port: number;
}): Promise<CuttingProxy> {
  const open = new Set<Socket>();
  let armed: { readonly text: string; readonly kind: "delivered" | "lost" } | null = null;
  const frozen = new WeakSet<Socket>();
  let cuts = 0;

  const server = createServer((client) => {
    const upstream = connect(target.port, target.host);
    open.add(client);
    let isCut = false;
    client.on("data", (bytes) => {
      if (isCut || frozen.has(client)) return;
      if (armed !== null && bytes.includes(armed.text)) {
        isCut = true;
        cuts += 1;
        const { kind } = armed;
        armed = null;
        // Its answer says that the server has done it; then everything ends.
        if (kind === "delivered") {
          upstream.removeAllListeners("data");
          upstream.once("data", () => end());
          upstream.write(bytes);
        } else end();
        return;
      }
      upstream.write(bytes);
    });
    upstream.on("data", (bytes) => {
      if (!frozen.has(client)) client.write(bytes);
    });
    const end = (): void => {
      open.delete(client);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) socket.on("close", end).on("error", end);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");

  const cutAll = (): void => {
    for (const socket of open) socket.destroy();
  };
  return {
    port: address.port,
    cutAt: (text, kind) => {
      armed = { text, kind };
    },
    freeze() {
      for (const socket of open) frozen.add(socket);
    },
    cuts: () => cuts,
    cutAll,
    async close() {
      cutAll();
      server.close();
      await once(server, "close");
    },
  };
}
