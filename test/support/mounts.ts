/** Mounts that only our own processes see: a small disk, a read-only one, a second device. No privileges are needed. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";

export interface Mounts {
  /** Put in front of a command, it runs where the mounts are. The first word after it is the directory to run in. */
  readonly through: readonly string[];
  /** Runs a shell command as root of the namespace. */
  sh(command: string): string;
  /** A path that is under a mount, as this process can reach it. */
  outside(path: string): string;
  close(): Promise<void>;
}

const ways: readonly { readonly unshare: readonly string[]; readonly enter: readonly string[] }[] = [
  {
    unshare: ["--user", "--map-root-user", "--mount"],
    enter: ["--user", "--preserve-credentials", "--mount"],
  },
  // As root, if the kernel grants no user namespace.
  { unshare: ["--mount"], enter: ["--mount"] },
];

/**
 * @param setup a shell command that mounts things, such as `mount -t tmpfs -o size=1m tmpfs /some/directory`
 * @throws if this machine allows no mounts: then the test cannot show its point, and has to fail
 */
export async function ownMounts(setup: string): Promise<Mounts> {
  const refusals: string[] = [];
  for (const { unshare, enter } of ways) {
    const keeper = spawn("unshare", [...unshare, "sh", "-c", `${setup} && echo ready && exec cat`], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    let refusal = "";
    keeper.stderr.setEncoding("utf8").on("data", (text: string) => {
      refusal += text;
    });
    keeper.on("error", (error) => {
      refusal += error.message;
    });
    const ended = new Promise<null>((resolve) => keeper.on("close", () => resolve(null)));
    if (!(await Promise.race([once(keeper.stdout, "data"), ended]))) {
      refusals.push(refusal.trim().split("\n")[0] ?? "");
      continue;
    }
    const through = ["nsenter", "--target", String(keeper.pid), ...enter, "sh", "-c", 'cd "$0" && exec "$@"'];
    const [program = "", ...args] = through;
    return {
      through,
      sh: (command) => execFileSync(program, [...args, "/", "sh", "-c", command], { encoding: "utf8" }),
      outside: (path) => `/proc/${keeper.pid}/root${path}`,
      async close() {
        keeper.stdin.end();
        await ended;
      },
    };
  }
  throw new Error(`this machine gives us no mount namespace of our own: ${refusals.join("; ")}`);
}
