/** A real HTTP server that treats each request as the test says: answers, answers badly, hangs, or drops it. */
import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: { readonly [name: string]: string | readonly string[] | undefined };
  readonly body: string;
}

/** A status, or no answer at all: `hang` keeps the connection, `drop` closes it. */
export type Answer = number | "hang" | "drop";

export interface Receiver {
  readonly url: string;
  readonly received: readonly Received[];
  /** How the next requests are answered, the last one for good. */
  answer(...answers: readonly Answer[]): void;
  /** Resolves once this number of requests has come. */
  until(count: number): Promise<void>;
  close(): Promise<void>;
}

export async function httpReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const waiting = new Set<() => void>();
  let answers: readonly Answer[] = [200];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => {
      body += text;
    });
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      received.push({ method, path: url, headers, body });
      for (const look of waiting) look();
      const [first = 200, ...rest] = answers;
      if (rest.length > 0) answers = rest;
      reply(response, first);
    });
  });
  const port = await new Promise<number>((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    answer(...next) {
      answers = next;
    },
    until: (count) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (received.length < count) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function reply(response: ServerResponse, answer: Answer): void {
  if (answer === "drop") response.socket?.destroy();
  else if (answer !== "hang") response.writeHead(answer).end();
}

/** An address without a listener. */
export async function refusingUrl(): Promise<string> {
  const server = createTcpServer();
  const port = await new Promise<number>((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return `http://127.0.0.1:${port}`;
}
