import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import type { Owner } from "../../src/job/run.js";
import { journalLedger } from "../../src/ledgers/journal/journal-ledger.js";
import { processes, startFromStat } from "../../src/ledgers/journal/processes.js";
import { localFileSystem } from "../../src/stores/local/local-file-system.js";
import { systemClock } from "../support/journal-processes.js";
import { linux, needs } from "../support/places.js";
import { aRun } from "../support/runs.js";

const { self, isAlive } = processes();

test("this process is alive, and again the same when asked later", () => {
  expect(self().pid).toBe(process.pid);
  expect(isAlive(self())).toBe("alive");
  expect(processes().self()).toEqual(self());
});

test("a pid that was given to another process is not the owner", () => {
  expect(isAlive({ ...self(), processStart: "1" })).toBe("dead");
});

test("a process of another boot is dead, one of another host is unknown", () => {
  expect(isAlive({ ...self(), bootId: "another" })).toBe("dead");
  expect(isAlive({ ...self(), host: "another" })).toBe("other-host");
  expect(isAlive({ ...self(), host: "another", bootId: "another" })).toBe("other-host");
});

describe("on Linux", () => {
  beforeEach((context) => needs(context, linux()));
  const startOf = (pid: number) => startFromStat(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? "zombie";

  test("a child is alive until it is killed", async () => {
    const child = spawn("sleep", ["60"]);
    const owner: Owner = { ...self(), pid: child.pid ?? 0, processStart: startOf(child.pid ?? 0) };
    expect(isAlive(owner)).toBe("alive");
    child.kill("SIGKILL");
    await once(child, "close");
    expect(isAlive(owner)).toBe("dead");
  });

  test("a zombie is dead", async () => {
    // The inner sleep's parent becomes a program that reaps no children.
    const parent = spawn("sh", ["-c", "sleep 0.3 & echo $!; exec sleep 60"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const [line] = await once(parent.stdout, "data");
    const pid = Number(String(line));
    const owner: Owner = { ...self(), pid, processStart: startOf(pid) };
    expect(isAlive(owner)).toBe("alive");
    while (!/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8")))
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(isAlive(owner)).toBe("dead");
    parent.kill("SIGKILL");
    await once(parent, "close");
  });

  test("a program's name may hold anything", () => {
    const rest = Array.from({ length: 18 }, (_, index) => index).join(" ");
    expect(startFromStat(`42 (a) Z (b) S ${rest} 777 0`)).toBe("777");
    expect(startFromStat(`42 (a) S (b) Z ${rest} 777 0`)).toBeNull();
  });
});

test("a run whose owner's pid was reused by another process can be claimed", async () => {
  const stateDir = await mkdtemp(join(tmpdir(), "nightshift-pid-"));
  const options = { stateDir, fileSystem: localFileSystem(), clock: systemClock };
  const before: Owner = { ...self(), processStart: "1" };
  const old = journalLedger({ ...options, processes: { self: () => before, isAlive } });
  await old.createRun(aRun("run"));
  await old.claimRun("run", before, { takeOver: false });
  const ledger = journalLedger({ ...options, processes: processes() });
  await ledger.claimRun("run", self(), { takeOver: false });
  expect((await ledger.readRun("run"))?.owner).toEqual(self());
  await Promise.all([old.close(), ledger.close()]);
  await rm(stateDir, { recursive: true });
});
