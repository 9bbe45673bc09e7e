/** Keeps clients that open connections and ask nothing from taking all of them. */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

export interface ConnectionLimits {
  /** Over all clients; further ones are turned away. */
  readonly total: number;
  /** Of one address that wait for a request, or for the rest of one; past it the oldest is closed. */
  readonly waitingOfAddress: number;
}

/** What a server is made with: headers, then the whole request, have to come in this time, or it is ended with 408. */
export const slowClientLimits = {
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 5_000,
  maxHeaderSize: 16 * 1024,
};

export function limitConnections(server: Server, { total, waitingOfAddress }: ConnectionLimits): void {
  server.maxConnections = total;
  /** By address, the oldest first. */
  const waiting = new Map<string, Set<Socket>>();

  function wait(socket: Socket, address: string): void {
    const sockets = waiting.get(address) ?? new Set<Socket>();
    waiting.set(address, sockets);
    sockets.delete(socket);
    sockets.add(socket);
    const [oldest] = sockets;
    if (sockets.size > waitingOfAddress) oldest?.destroy();
  }

  function proceed(socket: Socket, address: string): void {
    const sockets = waiting.get(address);
    sockets?.delete(socket);
    if (sockets?.size === 0) waiting.delete(address);
  }

  server.on("connection", (socket: Socket) => {
    // Known only while the client is there.
    const address = socket.remoteAddress ?? "";
    wait(socket, address);
    socket.once("close", () => proceed(socket, address));
  });
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    const address = socket.remoteAddress ?? "";
    // A body that has not come yet is waited for as headers are.
    request.once("end", () => proceed(socket, address));
    response.once("finish", () => {
      if (!socket.destroyed) wait(socket, address);
    });
  });
}
