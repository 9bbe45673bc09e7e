/** Real processes on a real disk, killed while they write. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { journalLedger } from "../../src/ledgers/journal/journal-ledger.js";
import { processes } from "../../src/ledgers/journal/processes.js";
import { localFileSystem } from "../../src/stores/local/local-file-system.js";
import { all } from "../conformance/ledger.js";
import { systemClock } from "../support/journal-processes.js";
import { aPartition, aPlan, aReceipt, aRun } from "../support/runs.js";

const partitions = 300;
const plan = JSON.stringify({
  plan: aPlan(partitions),
  partitions: Array.from({ length: partitions }, (_, index) => aPartition(index)),
  receipt: aReceipt({ runId: "run", partition: 0, epoch: 0 }, ""),
});

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "nightshift-kill-"));
  await writeFile(join(root, "plan.json"), plan);
});
afterEach(() => rm(root, { recursive: true }));

const openLedger = () =>
  journalLedger({
    stateDir: root,
    fileSystem: localFileSystem(),
    clock: systemClock,
    processes: processes(),
  });

interface Child {
  readonly process: ChildProcess;
  /** The ledger's answers, a line each. */
  readonly told: readonly string[];
  until(condition: (told: readonly string[]) => boolean): Promise<void>;
  kill(): Promise<void>;
}

function startChild(): Child {
  const script = join(import.meta.dirname, "../support/journal-child.mjs");
  const child = spawn(process.execPath, [script, root, "run", join(root, "plan.json")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const told: string[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    told.push(line);
    for (const check of waiting) check();
  });
  const closed = once(child, "close");
  return {
    process: child,
    told,
    until: (condition) =>
      new Promise((resolve, reject) => {
        const check = () => {
          if (!condition(told)) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
        closed.then(() => reject(new Error(`the child ended after: ${told.at(-1)}`)));
      }),
    async kill() {
      child.kill("SIGKILL");
      await closed;
    },
  };
}

describe("an owner that is killed while it writes", () => {
  test("leaves nothing that blocks the next owner, and loses no answer of the ledger", async () => {
    const ledger = openLedger();
    await ledger.createRun(aRun("run"));
    const accepted = new Map<number, string>();
    const epochs = new Map<number, number>();
    let isPlanned = false;
    // Killed right after its claim, while planning, then further and further into the work.
    for (const lines of [1, 2, 3, 40, 120, 151, 80]) {
      const child = startChild();
      await child.until((told) => told.length >= lines);
      await child.kill();
      for (const line of child.told) {
        const [what, index = "", epoch = "", attemptId = ""] = line.split(" ");
        if (what === "planned") isPlanned = true;
        if (what === "leased") {
          expect(Number(epoch), `epoch of partition ${index}`).toBeGreaterThan(
            epochs.get(Number(index)) ?? 0,
          );
          epochs.set(Number(index), Number(epoch));
        }
        if (what === "accepted") {
          expect(accepted.has(Number(index)), `partition ${index} was done twice`).toBe(false);
          accepted.set(Number(index), attemptId);
        }
      }
      const states = await all(ledger.listPartitions("run"));
      if (isPlanned) expect(states).toHaveLength(partitions);
      for (const [index, attemptId] of accepted)
        expect(states[index]).toMatchObject({ status: "accepted", receipt: { attemptId } });
    }
    expect(accepted.size).toBeGreaterThan(100);

    const last = startChild();
    await last.until((told) => told.at(-1) === `publishing ${partitions}`);
    expect((await ledger.readRun("run"))?.status).toBe("publishing");
    await expect(ledger.claimRun("run", processes().self(), { takeOver: true })).rejects.toMatchObject({
      code: "refused.owner-alive",
      message: expect.stringContaining(`process ${last.process.pid}`),
      hint: expect.stringContaining("nightshift cancel run"),
    });
    await last.kill();
    const claim = await ledger.claimRun("run", processes().self(), { takeOver: false });
    const receipts = await ledger.beginPublish(claim);
    expect(receipts).toHaveLength(partitions);
    for (const [index, attemptId] of accepted) expect(receipts[index]?.attemptId).toBe(attemptId);
    await ledger.close();
  });
});
