/** What the engine finds around it, and what it leaves: locales, files of tensors, telemetry. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Finding } from "../../src/cli/doctor/finding.js";
import { copyOfCase } from "../support/cases.js";
import { nightshift, nightshiftWith, startNightshift } from "../support/nightshift.js";
import { scratch } from "../support/scratch.js";

const install = "apt-get install locales && localedef -i en_US -f UTF-8 en_US.UTF-8";
/** The C library looks for locales there, and finds none. */
const withoutLocales = { LOCPATH: "/nonexistent" };

test("text-locale: the error names the locale and how to install it", () => {
  const folder = copyOfCase("text-locale");
  const { status, stderr } = nightshiftWith(
    withoutLocales,
    folder,
    ...["score", "model.onnx", "in.parquet", "-o", "out.parquet", "--json"],
  );
  expect(status).toBe(1);
  const { error } = JSON.parse(stderr.trimEnd().split("\n").at(-1) ?? "");
  expect(error).toMatchObject({ code: "model.load-failed" });
  expect(error.message).toContain("locale en_US.UTF-8");
  expect(error.hint).toContain(install);
  expect(readdirSync(folder)).not.toContain("out.parquet");
});

test("doctor finds out whether text models load", () => {
  const { stdout } = nightshiftWith(withoutLocales, scratch(), "doctor", "--json");
  const findings: readonly Finding[] = JSON.parse(stdout).findings;
  expect(findings.find(({ check }) => check === "ONNX Runtime")?.result).toBe("ok");
  const text = findings.find(({ check }) => check === "text models");
  expect(text?.result).toBe("warn");
  expect(text?.hint).toContain(install);
});

test("the image has the locale of text models", () => {
  const dockerfile = readFileSync(new URL("../../Dockerfile", import.meta.url), "utf8");
  const image = dockerfile.slice(dockerfile.lastIndexOf("\nFROM "));
  expect(image).toContain("localedef -i en_US -f UTF-8 en_US.UTF-8");
});

test("external-data-hint: a command names its own option, and the option works", () => {
  const folder = copyOfCase("external-data-hint");
  const score = ["score", "model.onnx", "in.parquet", "-o", "out.parquet", "--key", "id"];
  const refused = nightshift(folder, ...score, "--json");
  expect(refused.status).toBe(1);
  const { error } = JSON.parse(refused.stderr.trimEnd().split("\n").at(-1) ?? "");
  expect(error.code).toBe("model.external-data-unlisted");
  expect(error.hint).toMatch(/: --external-data weights\.bin$/);
  expect(nightshift(folder, "inspect", "model.onnx").stderr).toContain("--external-data weights.bin");
  expect(nightshift(folder, "inspect", "model.onnx", "--external-data", "weights.bin").status).toBe(0);
});

test("a run leaves no telemetry files and talks to no one but the Pushgateway that it was given", async () => {
  const folder = copyOfCase("positive-leaves-label");
  const temporary = scratch();
  const remotes = new Set<string>();
  let pid: number | undefined;
  const look = () => {
    for (const remote of remotesOf(familyOf(pid ?? 0))) remotes.add(remote);
  };
  const gateway = createServer((request, response) => {
    look();
    request.resume().on("end", () => response.end());
  });
  await new Promise<void>((resolve) => gateway.listen(0, "127.0.0.1", resolve));
  const { port } = gateway.address() as AddressInfo;
  const argv = [
    "score",
    "model.onnx",
    "in.parquet",
    "-o",
    "out.parquet",
    "--engine",
    "onnxruntime",
    "--json",
  ];
  const running = startNightshift(folder, argv, {
    // The library itself decides, whatever the caller's environment says.
    env: {
      TMPDIR: temporary,
      ORT_DISABLE_TELEMETRY: "0",
      NIGHTSHIFT_METRICS_PUSH: `http://127.0.0.1:${port}`,
    },
    onEvent: look,
  });
  pid = running.child.pid;
  const watch = setInterval(look, 20);
  const { status } = await running.finished;
  clearInterval(watch);
  gateway.close();
  expect(status).toBe(0);
  expect(readdirSync(temporary).filter((name) => /^mat-debug|\.ses$/.test(name))).toEqual([]);
  expect([...remotes]).toEqual([String(port)]);
});

/** The process and all below it. */
function familyOf(root: number): ReadonlySet<number> {
  const family = new Set([root]);
  const parents = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => [Number(name), Number(/\) \S (\d+)/.exec(textOf(join("/proc", name, "stat")))?.[1])]);
  for (const parent of family) for (const [child = 0, its] of parents) if (its === parent) family.add(child);
  return family;
}

/** Ports of the other ends of the processes' connections over IP. */
function remotesOf(pids: ReadonlySet<number>): readonly string[] {
  const inodes = new Set<string>();
  for (const pid of pids)
    for (const descriptor of listOf(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${descriptor}`))?.[1];
      if (inode !== undefined) inodes.add(inode);
    }
  return ["tcp", "tcp6", "udp", "udp6"].flatMap((protocol) =>
    textOf(`/proc/net/${protocol}`)
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => inodes.has(fields[9] ?? ""))
      .map((fields) => String(Number.parseInt(fields[2]?.split(":")[1] ?? "", 16)))
      .filter((port) => port !== "0"),
  );
}

/** Processes come and go while they are looked at. */
function attempt<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

const textOf = (path: string): string => attempt(() => readFileSync(path, "utf8"), "");
const linkOf = (path: string): string => attempt(() => readlinkSync(path), "");
const listOf = (path: string): readonly string[] => attempt(() => readdirSync(path), []);
