/** Files that are not as they were written: torn, cut short, flipped, or from a version to come. */
import { appendFile, mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { InfraError } from "../../src/errors.js";
import { encodeLine } from "../../src/ledgers/journal/line.js";
import type { Ledger } from "../../src/ledgers/ledger.js";
import { localFileSystem } from "../../src/stores/local/local-file-system.js";
import { all } from "../conformance/ledger.js";
import { type JournalProcesses, journalProcesses } from "../support/journal-processes.js";
import { aPlan, aReceipt, aRun, somePartitions } from "../support/runs.js";

let root: string;
let processes: JournalProcesses;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "nightshift-damage-"));
  processes = journalProcesses(root, localFileSystem());
});
afterEach(async () => {
  await processes.closeAll();
  await rm(root, { recursive: true });
});

const file = (name: string) => join(root, "runs/run", name);

/** Two claims, a plan of three, one partition accepted in each claim; both owners are dead. */
async function writeRun(): Promise<void> {
  for (const [owner, partition] of [0, 1].entries()) {
    const { ledger, owner: self, die } = processes.start();
    await ledger.createRun(aRun("run"));
    const claim = await ledger.claimRun("run", self, { takeOver: false });
    if (owner === 0) await ledger.savePlan(claim, aPlan(3), somePartitions(3));
    const ref = await ledger.leasePartition(claim, partition);
    await ledger.startAttempt(ref, `a${partition}`);
    await ledger.acceptReceipt(aReceipt(ref, `a${partition}`));
    await die();
  }
}

async function everything(ledger: Ledger): Promise<unknown> {
  return {
    run: await ledger.readRun("run"),
    plan: await ledger.readPlan("run"),
    partitions: await all(ledger.listPartitions("run")),
    task: await ledger.loadTask({ runId: "run", partition: 2, epoch: 1 }),
  };
}

const read = () => everything(processes.start().ledger);

/** Another process claims the run and dies, as far as the next one can see. */
async function claimAgain(): Promise<Ledger> {
  const { ledger, owner, die } = processes.start();
  await ledger.claimRun("run", owner, { takeOver: false });
  await die();
  return ledger;
}

async function statuses(ledger: Ledger): Promise<readonly string[]> {
  return (await all(ledger.listPartitions("run"))).map(({ status }) => status);
}

describe("a torn last line", () => {
  test("cut anywhere, it does not count, and the run continues", async () => {
    await writeRun();
    const whole = await readFile(file("journal.2.ndjson"));
    const lastLine = whole.lastIndexOf("\n", whole.length - 2) + 1;
    for (let length = lastLine; length < whole.length; length += 37) {
      await truncate(file("journal.2.ndjson"), length);
      expect(await statuses(processes.start().ledger)).toEqual(["accepted", "running", "pending"]);
      const ledger = await claimAgain();
      expect(await statuses(ledger)).toEqual(["accepted", "pending", "pending"]);
      await rm(file("journal.3.ndjson"));
      await writeFile(file("journal.2.ndjson"), whole);
    }
  });

  test("any part of it that a power cut left", async () => {
    await writeRun();
    const whole = await readFile(file("journal.2.ndjson"));
    const lastLine = whole.lastIndexOf("\n", whole.length - 2) + 1;
    const holes = [
      [lastLine, whole.length],
      [lastLine, lastLine + 20],
      [lastLine + 20, whole.length],
    ] as const;
    for (const [from, to] of holes) {
      await writeFile(file("journal.2.ndjson"), Buffer.from(whole).fill(0, from, to));
      expect(await statuses(processes.start().ledger)).toEqual(["accepted", "running", "pending"]);
    }
  });

  test("what an outdated owner writes afterwards is void", async () => {
    await writeRun();
    const ledger = await claimAgain();
    const before = await everything(ledger);
    const late = { type: "dropped", at: "2026-01-01T00:00:00Z" };
    await appendFile(file("journal.2.ndjson"), encodeLine({ v: 1, records: [late] }));
    await appendFile(file("journal.1.ndjson"), "garbage\n{");
    expect(await read()).toEqual(before);
    await ledger.close();
    await claimAgain();
  });

  test("the copy of the last line counts where the line itself did not reach the disk", async () => {
    await writeRun();
    const whole = await readFile(file("journal.2.ndjson"));
    const before = await statuses(await claimAgain());
    await truncate(file("journal.2.ndjson"), whole.lastIndexOf("\n", whole.length - 2) + 1);
    expect(await statuses(processes.start().ledger)).toEqual(before);
    expect(before).toEqual(["accepted", "accepted", "pending"]);
  });
});

describe("damage", () => {
  test("any flipped bit in any file of a run is found and the file is named", async () => {
    await writeRun();
    await (await claimAgain()).close();
    const before = await read();
    const names = (await readdir(join(root, "runs/run"))).filter((name) => /json$/.test(name));
    expect(names).toEqual([
      "journal.1.ndjson",
      "journal.2.ndjson",
      "journal.3.ndjson",
      "plan.1.ndjson",
      "run.json",
    ]);
    let unnoticed = 0;
    for (const name of names) {
      const whole = await readFile(file(name));
      const everywhere = Array.from({ length: Math.floor(whole.length / 29) }, (_, step) => step * 29);
      for (const at of [...everywhere, whole.length - 1]) {
        const flipped = Buffer.from(whole);
        flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 7));
        await writeFile(file(name), flipped);
        try {
          // The last line of a journal that a later owner continued has a copy; the run is whole without it.
          expect(await read()).toEqual(before);
          unnoticed += 1;
          expect(name).toMatch(/journal\.[12]/);
        } catch (error) {
          if (!(error instanceof InfraError)) throw error;
          expect(error).toMatchObject({ code: "infra.journal-corrupt", retryable: false });
          const named = name === "run.json" ? /json: the checksum/ : new RegExp(`${name}:\\d+: `);
          expect(error.message).toMatch(named);
          expect(error.hint).toContain("Restore");
        }
      }
      await writeFile(file(name), whole);
    }
    expect(unnoticed).toBeGreaterThan(0);
    expect(await read()).toEqual(before);
  });

  test("is reported with its line, keeps the run from being claimed, and hides no other run", async () => {
    await writeRun();
    await processes.start().ledger.createRun(aRun("other"));
    const lines = (await readFile(file("journal.1.ndjson"), "utf8")).split("\n");
    lines[2] = (lines[2] ?? "").replace('"leased"', '"loosed"');
    await writeFile(file("journal.1.ndjson"), lines.join("\n"));
    const corrupt = {
      code: "infra.journal-corrupt",
      message: `${file("journal.1.ndjson")}:3: the line's checksum is wrong`,
    };
    const { ledger } = processes.start();
    await expect(claimAgain()).rejects.toMatchObject(corrupt);
    await expect(ledger.readRun("run")).rejects.toMatchObject(corrupt);
    const runs = await all(ledger.listRuns());
    expect(runs.map(({ run, status, error }) => [run.id, status, error?.code])).toEqual([
      ["other", "created", undefined],
      ["run", "failed", "infra.journal-corrupt"],
    ]);
    expect(runs[1]?.error).toMatchObject(corrupt);
  });

  test("the way out that the message names: without its journals a run starts again", async () => {
    await writeRun();
    for (const name of await readdir(join(root, "runs/run")))
      if (/^(journal|plan)\./.test(name)) await rename(file(name), join(root, basename(name)));
    const ledger = await claimAgain();
    expect((await ledger.readRun("run"))?.status).toBe("created");
  });

  test("honoured bytes that went missing are damage, not a torn line", async () => {
    await writeRun();
    await (await claimAgain()).close();
    const lines = (await readFile(file("journal.2.ndjson"), "utf8")).split("\n");
    await writeFile(file("journal.2.ndjson"), `${lines.slice(0, 3).join("\n")}\n`);
    await expect(read()).rejects.toMatchObject({
      code: "infra.journal-corrupt",
      message: expect.stringMatching(/journal\.2\.ndjson:4: \d+ .*missing/),
    });
  });

  test("a plan that is whole but another one is refused", async () => {
    await writeRun();
    const lines = (await readFile(file("plan.1.ndjson"), "utf8")).split("\n");
    const forged = { partition: { ...JSON.parse(lines[1] ?? "").partition, rows: 9999 } };
    lines[1] = encodeLine(forged).trimEnd();
    await writeFile(file("plan.1.ndjson"), lines.join("\n"));
    await expect(all(processes.start().ledger.listPartitions("run"))).rejects.toMatchObject({
      code: "infra.journal-corrupt",
      message: expect.stringContaining("not the one that was saved"),
    });
  });
});

describe("a later version's journal", () => {
  test.each([
    ["record", { v: 1, records: [{ type: "hibernated", at: "2030-01-01T00:00:00Z" }] }],
    ["line", { v: 2, records: [] }],
  ])("an unknown kind of %s is refused, saying which version to use", async (_, body) => {
    await writeRun();
    await appendFile(file("journal.2.ndjson"), encodeLine(body));
    const refused = {
      code: "infra.journal-version",
      message: expect.stringMatching(/journal\.2\.ndjson:6: .*does not know/),
      hint: expect.stringContaining("newer"),
    };
    await expect(read()).rejects.toMatchObject(refused);
    await expect(claimAgain()).rejects.toMatchObject(refused);
  });

  test("a known record without its fields is damage", async () => {
    await writeRun();
    const records = [{ type: "leased", at: "2030-01-01T00:00:00Z", partition: "2", epoch: 1 }];
    await appendFile(file("journal.2.ndjson"), encodeLine({ v: 1, records }));
    await expect(read()).rejects.toMatchObject({
      code: "infra.journal-corrupt",
      message: expect.stringContaining('without a proper "partition"'),
    });
  });
});
