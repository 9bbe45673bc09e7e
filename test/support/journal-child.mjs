// Owns a run and works through it, printing the ledger's answers, until it is killed or has finished.
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { journalLedger } from "../../dist/ledgers/journal/journal-ledger.js";
import { processes } from "../../dist/ledgers/journal/processes.js";
import { localFileSystem } from "../../dist/stores/local/local-file-system.js";

const [stateDir, runId, planFile] = process.argv.slice(2);
const ledger = journalLedger({
  stateDir,
  fileSystem: localFileSystem(),
  clock: { now: () => new Date(), monotonicMs: () => performance.now() },
  processes: processes(),
});
const say = (...words) => process.stdout.write(`${words.join(" ")}\n`);
const { plan: thePlan, partitions, receipt } = JSON.parse(readFileSync(planFile, "utf8"));

const claim = await ledger.claimRun(runId, processes().self(), { takeOver: false });
say("claimed", claim.coordinatorEpoch);
if ((await ledger.readPlan(runId)) === null) {
  await ledger.savePlan(
    claim,
    thePlan,
    (async function* () {
      yield* partitions;
    })(),
  );
  say("planned", partitions.length);
}
const pending = [];
for await (const { index, status } of ledger.listPartitions(runId))
  if (status === "pending") pending.push(index);

async function work() {
  for (let index = pending.shift(); index !== undefined; index = pending.shift()) {
    const ref = await ledger.leasePartition(claim, index);
    say("leased", index, ref.epoch);
    const attemptId = randomUUID();
    await ledger.startAttempt(ref, attemptId);
    await ledger.acceptReceipt({ ...receipt, ref, attemptId });
    say("accepted", index, ref.epoch, attemptId);
  }
}
await Promise.all([work(), work(), work()]);
await ledger.beginPublish(claim);
say("publishing", partitions.length);
setInterval(() => undefined, 1000);
