/** A network of its own for a process, as another machine has one: it reaches this machine under one address, and no other machine. */
import { spawnSync } from "node:child_process";

export interface OwnNetwork {
  /** Put in front of a command, it runs there. The first word after it is the directory to run in. */
  readonly through: readonly string[];
  /** This machine as it is seen from there: servers must listen at it. */
  readonly host: string;
  remove(): void;
}

let made = 0;

/** Linux, and root. @returns what is in the way where there can be none */
export function ownNetwork(): OwnNetwork | string {
  const number = made++;
  const name = `nightshift-${process.pid}-${number}`;
  const link = `ns${process.pid}v${number}`;
  const net = `10.${200 + (process.pid % 50)}.${number % 250}`;
  const remove = (): void => {
    ip("netns", "del", name);
    process.removeListener("exit", remove);
  };
  const steps = [
    ["netns", "add", name],
    ["link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", name],
    ["addr", "add", `${net}.1/30`, "dev", link],
    ["link", "set", link, "up"],
    ["-n", name, "addr", "add", `${net}.2/30`, "dev", "eth0"],
    ["-n", name, "link", "set", "eth0", "up"],
    ["-n", name, "link", "set", "lo", "up"],
  ];
  process.once("exit", remove);
  for (const step of steps) {
    const refusal = ip(...step);
    if (refusal === null) continue;
    remove();
    return `ip ${step.join(" ")}: ${refusal}`;
  }
  return { through: ["ip", "netns", "exec", name, "env", "-C"], host: `${net}.1`, remove };
}

function ip(...words: readonly string[]): string | null {
  const { status, stderr, error } = spawnSync("ip", words, { encoding: "utf8" });
  if (status === 0) return null;
  return error?.message ?? stderr.trim();
}
