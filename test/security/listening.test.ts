/** What listens: names that lead to the loopback, clients that ask nothing, and texts that Slack shows. */
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { expect, test, vi } from "vitest";
import { limitConnections } from "../../src/http/connection-limits.js";
import type { Notice } from "../../src/job/notice.js";
import { serveMetrics } from "../../src/observers/metrics/metrics-server.js";
import { slackBody } from "../../src/observers/notices/bodies.js";

const exposition = async () => ({ contentType: "text/plain", body: "nightshift_x 1\n" });

async function opened(port: number, localAddress = "127.0.0.1"): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", localAddress });
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}

async function answer(port: number, head: string): Promise<string> {
  const socket = await opened(port);
  socket.end(`${head}\r\nConnection: close\r\n\r\n`);
  return (await socket.toArray()).join("").split("\r\n")[0] ?? "";
}

test("metrics on the loopback are for who asks the loopback; a probe is answered under any name", async () => {
  const server = await serveMetrics({ host: "127.0.0.1", port: 0 }, exposition);
  const port = Number(new URL(server.url).port);
  try {
    for (const host of [
      "evil.example",
      "evil.example:9464",
      "127.0.0.1.evil.example",
      "localhost.evil.example",
    ]) {
      expect(await answer(port, `GET /metrics HTTP/1.1\r\nHost: ${host}`), host).toContain(" 403 ");
      expect(await answer(port, `GET /healthz HTTP/1.1\r\nHost: ${host}`), host).toContain(" 200 ");
    }
    for (const host of ["localhost", "127.0.0.1:1", "[::1]:9464"])
      expect(await answer(port, `GET /metrics HTTP/1.1\r\nHost: ${host}`), host).toContain(" 200 ");
    const large = `GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(20_000)}`;
    expect(await answer(port, large)).toContain(" 431 ");
  } finally {
    await server.close();
  }
});

test("metrics beyond the loopback are served under any name", async () => {
  const server = await serveMetrics({ host: "0.0.0.0", port: 0 }, exposition);
  const port = Number(new URL(server.url).port);
  try {
    expect(await answer(port, "GET /metrics HTTP/1.1\r\nHost: worker-1")).toContain(" 200 ");
  } finally {
    await server.close();
  }
});

test("connections that ask nothing do not shut others out", async () => {
  const server = createServer(
    (request, response) => void request.resume().on("end", () => response.end("ok")),
  );
  limitConnections(server, { total: 12, waitingOfAddress: 4 });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  try {
    const idle: Socket[] = [];
    for (let i = 0; i < 10; i++) {
      const socket = await opened(port);
      // Nothing, a part of the headers, a part of a body.
      if (i % 3 === 1) socket.write("GET / HTTP/1.1\r\nHost: x\r\n");
      if (i % 3 === 2) socket.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n123");
      idle.push(socket);
    }
    // Of that address four are left.
    await vi.waitFor(() => expect(idle.filter(({ readyState }) => readyState === "open")).toHaveLength(4));
    expect(idle.slice(-4).every(({ readyState }) => readyState === "open")).toBe(true);
    expect(await answer(port, "GET / HTTP/1.1\r\nHost: x")).toContain(" 200 ");
    const other = await opened(port, "127.0.0.2");
    other.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(String((await once(other, "data"))[0])).toContain(" 200 ");
    // Kept alive, it waits again, and is counted again.
    for (let i = 0; i < 3; i++) await opened(port);
    expect(other.readyState).toBe("open");
    other.destroy();
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test("in Slack no data becomes code, a link or a mention", () => {
  const evil = "`x` https://evil.example/a <!channel> <https://evil.example|ok>";
  const notice = {
    ...{ event: "failed", at: "2026-01-01T00:00:00Z", job: "j", interval: null, trigger: "schedule" },
    ...{ target: evil, runId: "r", rows: null, deadline: null, expectedAt: null, remedy: evil },
    error: { code: "data.x", message: evil, hint: evil },
  } as unknown as Notice;
  const { blocks, text } = slackBody(notice) as {
    readonly text: string;
    readonly blocks: readonly { readonly text?: Shown; readonly elements?: readonly Shown[] }[];
  };
  const shown = blocks.flatMap((block) => [...(block.text ? [block.text] : []), ...(block.elements ?? [])]);
  expect(shown.length).toBeGreaterThan(2);
  for (const each of shown) expect(each).toMatchObject({ type: "mrkdwn", verbatim: true });
  const all = [text, ...shown.map((each) => each.text)].join("\n");
  expect(all).not.toMatch(/:\/\/|<|`x`/);
});

interface Shown {
  readonly text: string;
}
