/** What servers that tests start have in common. */
import { once } from "node:events";
import { createServer } from "node:net";

/** For `spawn`: PostgreSQL refuses to run as root, and Redis should not; then it is `nobody`, in a folder open to all. */
export function serverUser(): { readonly uid?: number; readonly gid?: number; readonly cwd: string } {
  const nobody = 65_534;
  return process.getuid?.() === 0 ? { uid: nobody, gid: nobody, cwd: "/" } : { cwd: "/" };
}

/** Of this machine; somebody else may take it before it is used. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
