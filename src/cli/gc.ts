import type { Command } from "commander";
import { bytes, counted } from "../human.js";
import type { WriteSpec } from "../job.js";
import type { Ledger } from "../ledger.js";
import type { RunState } from "../run.js";
import { shownPath } from "./output/paths.js";
import { type Cli, printJson } from "./shell/context.js";

interface GcFlags {
  readonly dryRun?: true;
}

/** One output, with what may still be needed of it. */
interface Candidate {
  readonly write: WriteSpec;
  readonly liveAttempts: Set<string>;
  /** A run that somebody may be working on: its attempts are not all known here, so nothing is touched. */
  busyRunId: string | null;
}

export function declare(command: Command): void {
  command.option("--dry-run", "only say what would be removed");
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const dryRun = command.opts<GcFlags>().dryRun === true;
  const app = await cli.app();
  const outputs = [];
  for (const { write, liveAttempts, busyRunId } of await candidates(await app.ledger())) {
    const collected =
      busyRunId === null
        ? await (await app.sink(write)).collect(liveAttempts, dryRun)
        : { removed: [], bytes: 0 };
    outputs.push({ output: write.to, ...collected, skippedFor: busyRunId });
  }
  if (cli.globals.json) {
    printJson(cli.out, { dryRun, outputs });
    return 0;
  }
  for (const { output, removed, bytes: size, skippedFor } of outputs) {
    const where = shownPath(output, cli.cwd);
    if (skippedFor !== null) cli.err.line(`${where}: left alone, run ${skippedFor} is not finished`);
    else if (removed.length > 0)
      cli.err.line(
        `${where}: ${dryRun ? "would remove" : "removed"} ${counted(removed.length, "path")} (${bytes(size)})`,
      );
    for (const path of removed) cli.out.line(path);
  }
  if (
    outputs.every(({ removed, skippedFor }) => removed.length === 0 && skippedFor === null) &&
    !cli.globals.quiet
  )
    cli.err.line("nothing to remove");
  return 0;
}

/** Every output that a recorded run wrote to. */
async function candidates(ledger: Ledger): Promise<readonly Candidate[]> {
  const byTarget = new Map<string, Candidate>();
  for await (const state of ledger.listRuns()) {
    const plan = await ledger.readPlan(state.run.id);
    if (plan === null) continue;
    const { write } = plan.job;
    const candidate = byTarget.get(write.to) ?? { write, liveAttempts: new Set<string>(), busyRunId: null };
    byTarget.set(write.to, candidate);
    if (isUnderWay(state)) candidate.busyRunId = state.run.id;
    if (mayBeRetried(state))
      for await (const { receipt } of ledger.listPartitions(state.run.id))
        if (receipt !== null) candidate.liveAttempts.add(receipt.attemptId);
  }
  return [...byTarget.values()];
}

function isUnderWay({ status, owner }: RunState): boolean {
  return owner !== null && ["created", "planned", "running", "publishing"].includes(status);
}

function mayBeRetried({ status }: RunState): boolean {
  return status !== "published" && status !== "dropped";
}
