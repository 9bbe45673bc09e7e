/** A disk that fails or is full, clocks that jump, and many partitions and runs. */
import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { InfraError } from "../../src/errors.js";
import type { Partition, PartitionRef } from "../../src/job/partition.js";
import { localFileSystem } from "../../src/stores/local/local-file-system.js";
import { all } from "../conformance/ledger.js";
import { type JournalProcesses, journalProcesses } from "../support/journal-processes.js";
import { mounts, needs } from "../support/places.js";
import { aPartition, aPlan, aReceipt, aRun, rowsPerPartition, somePartitions } from "../support/runs.js";
import { type Operation, simulatedDisk } from "../support/simulated-disk.js";

const stateDir = "/state";

describe("a sync that fails", () => {
  test("ends the run's journal: nothing is promised afterwards, also not by a sync that would succeed", async () => {
    const disk = simulatedDisk();
    const failure = new InfraError("infra.io", "journal.1.ndjson: EIO: i/o error, fsync");
    let failing = 0;
    const fileSystem = disk.view({
      before: ({ name }) => {
        if (name === "sync" && failing-- === 1) throw failure;
      },
    });
    const processes = journalProcesses(stateDir, fileSystem);
    const { ledger, owner } = processes.start();
    await ledger.createRun(aRun("run"));
    const claim = await ledger.claimRun("run", owner, { takeOver: false });
    await ledger.savePlan(claim, aPlan(3), somePartitions(3));
    const ref = await ledger.leasePartition(claim, 0);
    await ledger.startAttempt(ref, "a");

    failing = 1;
    await expect(ledger.acceptReceipt(aReceipt(ref, "a"))).rejects.toBe(failure);
    const refused = { code: "infra.io", cause: failure, message: expect.stringContaining("nothing more") };
    await expect(ledger.acceptReceipt(aReceipt(ref, "a"))).rejects.toMatchObject(refused);
    await expect(ledger.leasePartition(claim, 1)).rejects.toMatchObject(refused);
    await expect(
      ledger.failRun(claim, { ...refused, kind: "infra", message: "", retryable: false, details: {} }),
    ).rejects.toMatchObject(refused);
    await ledger.releaseRun(claim);

    // Once the disk is well again the same process goes on, with what reached the disk.
    const again = await ledger.claimRun("run", owner, { takeOver: false });
    expect(again.coordinatorEpoch).toBe(2);
    expect((await ledger.leasePartition(again, 1)).epoch).toBe(1);
  });

  test("fails every caller that waited for it, and no caller that was answered before", async () => {
    const disk = simulatedDisk();
    let isFailing = false;
    const fileSystem = disk.view({
      before: ({ name }) => {
        if (name === "sync" && isFailing) throw new InfraError("infra.io", "EIO");
      },
    });
    const { ledger, owner } = journalProcesses(stateDir, fileSystem).start();
    await ledger.createRun(aRun("run"));
    const claim = await ledger.claimRun("run", owner, { takeOver: false });
    await ledger.savePlan(claim, aPlan(20), somePartitions(20));
    await Promise.all([0, 1, 2].map((index) => ledger.leasePartition(claim, index)));
    isFailing = true;
    const indexes = Array.from({ length: 17 }, (_, index) => index + 3);
    const outcomes = await Promise.allSettled(indexes.map((index) => ledger.leasePartition(claim, index)));
    expect(outcomes.every(({ status }) => status === "rejected")).toBe(true);
    const { ledger: other } = journalProcesses(
      stateDir,
      disk.afterPowerCut({ contents: "lost", names: "lost" }).view(),
    ).start();
    const epochs = (await all(other.listPartitions("run"))).map(({ epoch }) => epoch);
    expect(epochs).toEqual([1, 1, 1, ...indexes.map(() => 0)]);
  });
});

describe("concurrent calls", () => {
  test("a receipt handed in twice is not answered before the first one is durable", async () => {
    const disk = simulatedDisk();
    let isFailing = false;
    const fileSystem = disk.view({
      before: ({ name }) => {
        if (name === "sync" && isFailing) throw new InfraError("infra.io", "EIO");
      },
    });
    const { ledger, owner } = journalProcesses(stateDir, fileSystem).start();
    await ledger.createRun(aRun("run"));
    const claim = await ledger.claimRun("run", owner, { takeOver: false });
    await ledger.savePlan(claim, aPlan(1), somePartitions(1));
    const ref = await ledger.leasePartition(claim, 0);
    await ledger.startAttempt(ref, "a");
    isFailing = true;
    const calls = [1, 2].map(() => ledger.acceptReceipt(aReceipt(ref, "a")));
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });

  test("share a sync", async () => {
    let syncs = 0;
    const count = ({ name }: Operation) => {
      if (name === "sync") syncs += 1;
    };
    const { ledger, owner } = journalProcesses(stateDir, simulatedDisk().view({ before: count })).start();
    await ledger.createRun(aRun("run"));
    const claim = await ledger.claimRun("run", owner, { takeOver: false });
    await ledger.savePlan(claim, aPlan(100), somePartitions(100));
    const indexes = Array.from({ length: 100 }, (_, index) => index);
    const refs = await Promise.all(indexes.map((index) => ledger.leasePartition(claim, index)));
    await Promise.all(refs.map((ref) => ledger.startAttempt(ref, "a")));
    syncs = 0;
    await Promise.all(refs.map((ref) => ledger.acceptReceipt(aReceipt(ref, "a"))));
    // The first one goes alone, the others while it is running.
    expect(syncs).toBe(2);
  });
});

describe("a clock that goes backwards", () => {
  test("changes only the reported times", async () => {
    let minutes = 0;
    const clock = { now: () => new Date(Date.UTC(2026, 0, 1) - minutes++ * 60_000), monotonicMs: () => 0 };
    const processes = journalProcesses(stateDir, simulatedDisk().view(), clock);
    for (const id of ["first", "second"])
      await processes.start().ledger.createRun(aRun(id, { createdAt: clock.now().toISOString() }));
    for (let round = 0; round < 3; round++) {
      const { ledger, owner, die } = processes.start();
      const claim = await ledger.claimRun("first", owner, { takeOver: false });
      if (round === 0) await ledger.savePlan(claim, aPlan(3), somePartitions(3));
      const ref = await ledger.leasePartition(claim, round);
      await ledger.startAttempt(ref, "a");
      await ledger.acceptReceipt(aReceipt(ref, "a"));
      if (round === 2) await ledger.beginPublish(claim);
      await die();
    }
    const { ledger } = processes.start();
    const runs = await all(ledger.listRuns());
    expect(runs.map(({ run, status }) => [run.id, status])).toEqual([
      ["second", "created"],
      ["first", "publishing"],
    ]);
  });
});

describe("many runs", () => {
  test("a thousand runs are listed", async () => {
    const processes = journalProcesses(stateDir, simulatedDisk().view());
    const { ledger, owner } = processes.start();
    for (let index = 0; index < 1000; index++) {
      await ledger.createRun(aRun(`run-${index}`));
      if (index % 10 > 0) continue;
      const claim = await ledger.claimRun(`run-${index}`, owner, { takeOver: false });
      await ledger.savePlan(claim, aPlan(2), somePartitions(2));
      await ledger.releaseRun(claim);
    }
    const runs = await all(processes.start().ledger.listRuns());
    expect(runs.map(({ run }) => run.id)).toEqual(
      Array.from({ length: 1000 }, (_, index) => `run-${999 - index}`),
    );
    expect(runs.filter(({ status }) => status === "planned")).toHaveLength(100);
  });
});

describe("on a real disk", () => {
  let root: string;
  let processes: JournalProcesses;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "nightshift-journal-"));
    processes = journalProcesses(join(root, "deep/down/state"), localFileSystem());
  });
  afterEach(async () => {
    await processes.closeAll();
    await rm(root, { recursive: true });
  });

  test("a plan of 100,000 partitions is written and read in bounded memory", async () => {
    const count = 100_000;
    const { ledger, owner } = processes.start();
    await ledger.createRun(aRun("run"));
    const claim = await ledger.claimRun("run", owner, { takeOver: false });
    let peakBytes = 0;
    async function* watched(): AsyncGenerator<Partition> {
      for await (const partition of somePartitions(count)) {
        if (partition.index % 1000 === 0) peakBytes = Math.max(peakBytes, process.memoryUsage().arrayBuffers);
        yield partition;
      }
    }
    await ledger.savePlan(claim, aPlan(count), watched());
    expect(peakBytes).toBeLessThan(32 * 1024 * 1024);

    const other = processes.start().ledger;
    const ref: PartitionRef = { runId: "run", partition: 0, epoch: 1 };
    for (const partition of [0, 1, 54_321, count - 1])
      expect((await other.loadTask({ ...ref, partition })).partition).toEqual(aPartition(partition));
    const states = await all(other.listPartitions("run"));
    expect(states).toHaveLength(count);
    expect(states.at(-1)).toMatchObject({ index: count - 1, rows: rowsPerPartition, status: "pending" });
  });

  test("loading a task reads that partition's line and not the plan", async () => {
    const { ledger, owner } = processes.start();
    await ledger.createRun(aRun("run"));
    const claim = await ledger.claimRun("run", owner, { takeOver: false });
    await ledger.savePlan(claim, aPlan(1000), somePartitions(1000));
    const inner = localFileSystem();
    let bytes = 0;
    const counting = processes.start({
      fileSystem: {
        ...inner,
        async readRange(path, start, end) {
          const range = await inner.readRange(path, start, end);
          if (path.includes("/plan.")) bytes += range?.length ?? 0;
          return range;
        },
      },
    });
    const ref: PartitionRef = { runId: "run", partition: 0, epoch: 1 };
    await counting.ledger.loadTask(ref);
    bytes = 0;
    for (const partition of [7, 3, 999]) await counting.ledger.loadTask({ ...ref, partition });
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThan(3 * 1000);
  });

  test("no temporary files are left behind", async () => {
    const { ledger, owner } = processes.start();
    await ledger.createRun(aRun("run"));
    await ledger.createRun(aRun("other", { key: aRun("run").key }));
    await ledger.releaseRun(await ledger.claimRun("run", owner, { takeOver: false }));
    const names = await readdir(join(root, "deep/down/state"), { recursive: true });
    expect(names.filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });
});

describe("a full disk", () => {
  test("stops the run, loses nothing that was acknowledged, and the run continues when there is space again", (context) => {
    needs(context, mounts());
    const script = join(import.meta.dirname, "../support/journal-full-disk.mjs");
    const plan = JSON.stringify({
      run: aRun("run"),
      plan: aPlan(500),
      partitions: Array.from({ length: 500 }, (_, index) => aPartition(index)),
      receipt: aReceipt({ runId: "run", partition: 0, epoch: 0 }, ""),
    });
    const command = 'mount -t tmpfs -o size=1m tmpfs /mnt && exec "$0" "$@"';
    const child = spawnSync("unshare", ["-rm", "sh", "-c", command, process.execPath, script, "/mnt"], {
      encoding: "utf8",
      input: plan,
    });
    expect(child.stderr).toBe("");
    const { error, acknowledged, kept, all: total } = JSON.parse(child.stdout);
    expect(error).toMatchObject({ code: "infra.disk-full", retryable: false });
    expect(acknowledged.length).toBeGreaterThan(0);
    expect(kept).toEqual(acknowledged);
    expect(total).toBe(500);
  });
});

describe("forgetting that breaks off", () => {
  test.each(["rename", "removeTree", "unlink"] as const)("at %s is finished by the next", async (step) => {
    const disk = localFileSystem();
    let isForgetting = false;
    const failing = async (...args: [string, string]) => {
      if (isForgetting) throw new InfraError("infra.io", "EIO");
      return disk[step](...args);
    };
    const fileSystem = { ...disk, [step]: failing };
    const root = await mkdtemp(join(tmpdir(), "nightshift-journal-"));
    const { ledger, owner } = journalProcesses(root, fileSystem).start();
    for (const id of ["old", "new"]) {
      await ledger.createRun(aRun(id));
      const claim = await ledger.claimRun(id, owner, { takeOver: false });
      await ledger.dropRun(claim);
      await ledger.releaseRun(claim);
    }
    isForgetting = true;
    await expect(ledger.forgetRuns(["old"])).rejects.toMatchObject({ code: "infra.io" });
    isForgetting = false;
    const left = (await all(ledger.listRuns())).map(({ run }) => run.id);
    expect(left).toEqual(step === "rename" ? ["new", "old"] : ["new"]);

    await ledger.forgetRuns(step === "rename" ? ["old"] : []);
    expect((await all(ledger.listRuns())).map(({ run }) => run.id)).toEqual(["new"]);
    expect(await readdir(join(root, "runs"))).toEqual(["new"]);
    expect(await readdir(join(root, "order"))).toHaveLength(1);
    const { key } = aRun("old");
    expect(await ledger.lastGeneration(key.jobId, key.scope)).toBe(key.generation);
    await rm(root, { recursive: true });
  });
});
