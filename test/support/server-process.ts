/** What servers that tests start have in common. */
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";

/** For `spawn`: PostgreSQL refuses to run as root, and Redis should not; then it is another user, in a folder open to all. */
export function serverUser(): { readonly uid?: number; readonly gid?: number; readonly cwd: string } {
  const nobodyUid = 65_534;
  return process.getuid?.() === 0 ? { uid: nobodyUid, gid: nobodyUid, cwd: "/" } : { cwd: "/" };
}

/**
 * Of this machine, and none that the system hands out by itself: a connection that another process opens must not take it
 * before the server is up, or while it is down for a moment.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries += 1) {
    const port = randomInt(lowestPort, lowestEphemeralPort());
    const server = createServer().listen(port, "127.0.0.1");
    const isFree = await once(server, "listening").then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, "close");
    return port;
  }
  throw new Error("no port of this machine is free");
}

const lowestPort = 10_000;

function lowestEphemeralPort(): number {
  try {
    const [lowest] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").split(/\s+/);
    return Math.max(Number(lowest), lowestPort + 1000);
  } catch {
    // What IANA says, and macOS does.
    return 49_152;
  }
}
