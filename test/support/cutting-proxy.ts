/** A proxy in front of a server that does something where a test wants it: when a statement passes, say. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** A statement on its way. */
export interface Moment {
  /** What goes to the server then. */
  readonly text: string;
  /** Went to the server earlier, over the same connection. */
  readonly following?: string;
  /** The how manieth one, from 1, over all connections. */
  readonly nth: number;
  /** `before`: the server does not have it yet. `after`: its answer has come, and the client does not have it. */
  readonly when: "before" | "after";
}

export interface CuttingProxy {
  readonly host: string;
  readonly port: number;
  /**
   * Cuts the next connection over which these bytes go to the server. `delivered`: the server gets them, and its answer
   * does not reach the client. `lost`: it never gets them.
   */
  cutAt(text: string, kind: "delivered" | "lost"): void;
  /** Does something at one moment, once, while the connection waits; then cuts it or lets it go on. */
  doAt(moment: Moment, act: () => Promise<"cut" | "go on">): void;
  /** What was to be done at a moment that has not come is not done any more. */
  disarm(): void;
  /**
   * Stops everything over connections that are open now, without an error: in either direction, or no answers only, so that the
   * server still does what it is asked. New connections work.
   */
  freeze(what?: "everything" | "answers"): void;
  /** Delays everything that goes to the server from now on. */
  delay(ms: number): void;
  /** Connections cut by now. */
  cuts(): number;
  /** Cuts every open connection. */
  cutAll(): void;
  close(): Promise<void>;
}

interface Armed {
  readonly moment: Moment;
  readonly act: () => Promise<"cut" | "go on">;
  readonly followers: WeakSet<Socket>;
  seen: number;
}

export interface ProxiedServer {
  readonly host: string;
  readonly port: number;
  /** Where to listen; this machine alone reaches it unless said otherwise. */
  readonly at?: string;
}

export async function cuttingProxy({ at = "127.0.0.1", ...target }: ProxiedServer): Promise<CuttingProxy> {
  const open = new Set<Socket>();
  const [deaf, mute] = [new WeakSet<Socket>(), new WeakSet<Socket>()];
  let delayMs = 0;
  let armed: Armed | null = null;
  let cuts = 0;

  /** What to do now that these bytes are on their way; it is done once. */
  function take(client: Socket, bytes: Buffer): Armed | null {
    if (armed === null) return null;
    const { moment, followers } = armed;
    const { text, following, nth } = moment;
    const isIt = bytes.includes(text) && (following === undefined || followers.has(client));
    if (following !== undefined && bytes.includes(following)) followers.add(client);
    if (!isIt) return null;
    armed.seen += 1;
    if (armed.seen < nth) return null;
    const found = armed;
    armed = null;
    return found;
  }

  const server = createServer((client) => {
    const upstream = connect(target.port, target.host);
    open.add(client);
    let awaited: Armed | null = null;

    /** Holds the bytes back meanwhile. */
    const pass = async ({ act }: Armed, bytes: Buffer, from: Socket, to: Socket): Promise<void> => {
      from.pause();
      if ((await act()) === "cut") {
        cuts += 1;
        return end();
      }
      to.write(bytes);
      from.resume();
    };
    let [sent, waiting] = [Promise.resolve(), 0];
    /** In the order in which it came, and late where everything is. */
    const send = (bytes: Buffer): void => {
      if (delayMs === 0 && waiting === 0) return void upstream.write(bytes);
      waiting += 1;
      const ready = sleep(delayMs);
      sent = sent
        .then(() => ready)
        .then(() => {
          waiting -= 1;
          if (!upstream.destroyed) upstream.write(bytes);
        });
    };
    client.on("data", (bytes) => {
      if (deaf.has(client)) return;
      const found = take(client, bytes);
      if (found?.moment.when === "before") return void pass(found, bytes, client, upstream);
      awaited ??= found;
      send(bytes);
    });
    upstream.on("data", (bytes) => {
      if (mute.has(client)) return;
      const found = awaited;
      awaited = null;
      // Its answer says that the server has done it.
      if (found === null) client.write(bytes);
      else void pass(found, bytes, upstream, client);
    });
    const end = (): void => {
      open.delete(client);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) socket.on("close", end).on("error", end);
  });
  server.listen(0, at);
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");

  const doAt: CuttingProxy["doAt"] = (moment, act) => {
    armed = { moment, act, followers: new WeakSet(), seen: 0 };
  };
  const cutAll = (): void => {
    for (const socket of open) socket.destroy();
  };
  return {
    host: at,
    port: address.port,
    cutAt: (text, kind) =>
      doAt({ text, nth: 1, when: kind === "lost" ? "before" : "after" }, async () => "cut"),
    doAt,
    disarm() {
      armed = null;
    },
    freeze(what = "everything") {
      for (const socket of open) {
        mute.add(socket);
        if (what === "everything") deaf.add(socket);
      }
    },
    delay(ms) {
      delayMs = ms;
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
