/** A receiver of notices: an HTTP server in this process that stands for any webhook. */
import { createServer } from "node:http";

export interface WebhookReceiver {
  readonly url: string;
  /** The next body that comes, or came and was not asked for yet. */
  next(): Promise<Told>;
  close(): Promise<void>;
}

export interface Told {
  readonly event: string;
  readonly text: string;
  readonly remedy: string | null;
}

export async function webhookReceiver(): Promise<WebhookReceiver> {
  const bodies: Told[] = [];
  let wake: () => void = () => undefined;
  const server = createServer((request, response) => {
    let text = "";
    request.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
    request.on("end", () => {
      bodies.push(JSON.parse(text));
      response.writeHead(204).end();
      wake();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/nightly`,
    async next() {
      while (true) {
        const body = bodies.shift();
        if (body !== undefined) return body;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
