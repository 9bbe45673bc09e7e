// Works through a run on a small disk with ballast on it, until it is full; then frees the ballast and goes on.
import { readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { toErrorRecord } from "../../dist/errors.js";
import { journalLedger } from "../../dist/ledgers/journal/journal-ledger.js";
import { processes } from "../../dist/ledgers/journal/processes.js";
import { localFileSystem } from "../../dist/stores/local/local-file-system.js";

const [disk] = process.argv.slice(2);
const { run, plan, partitions, receipt } = JSON.parse(readFileSync(0, "utf8"));
const tools = {
  stateDir: `${disk}/state`,
  fileSystem: localFileSystem(),
  clock: { now: () => new Date(), monotonicMs: () => performance.now() },
  processes: processes(),
};
const ledger = journalLedger(tools);

async function* streamed() {
  yield* partitions;
}

async function work(claim, onAccepted) {
  for await (const { index, status } of ledger.listPartitions(run.id)) {
    if (status === "accepted") continue;
    const ref = await ledger.leasePartition(claim, index);
    await ledger.startAttempt(ref, "a");
    await ledger.acceptReceipt({ ...receipt, ref, attemptId: "a" });
    onAccepted(index);
  }
}

await writeFile(`${disk}/ballast`, Buffer.alloc(500_000));
await ledger.createRun(run);
const claim = await ledger.claimRun(run.id, processes().self(), { takeOver: false });
await ledger.savePlan(claim, plan, streamed());
const acknowledged = [];
let error = null;
await work(claim, (index) => acknowledged.push(index)).catch((thrown) => {
  error = toErrorRecord(thrown);
});
await ledger.releaseRun(claim);

await rm(`${disk}/ballast`);
const again = await ledger.claimRun(run.id, processes().self(), { takeOver: false });
const kept = [];
for await (const { index, status } of ledger.listPartitions(run.id))
  if (status === "accepted") kept.push(index);
await work(again, () => undefined);
const receipts = await ledger.beginPublish(again);
process.stdout.write(JSON.stringify({ error, acknowledged, kept, all: receipts.length }));
