import type { Command } from "commander";
import { describeInput, type PostgresInput, targetOf, type WriteSpec } from "../job.js";
import type { Ledger } from "../ledger.js";
import type { Run } from "../run.js";
import { bytes, counted } from "../text/human.js";
import { isShared } from "../wiring/queue-parts.js";
import { shownTarget } from "./output/paths.js";
import { type Cli, printJson } from "./shell/context.js";

interface GcFlags {
  readonly dryRun?: true;
}

export function declare(command: Command): void {
  command.option("--dry-run", "only say what would be removed");
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const dryRun = command.opts<GcFlags>().dryRun === true;
  const app = await cli.app();
  const ledger = await app.ledger();
  const outputs = [];
  for (const write of await outputsOf(ledger)) {
    const sink = await app.sink(write);
    const collected = await sink.collect(() => liveAttempts(ledger, write), dryRun);
    outputs.push({ output: targetOf(write), shown: shownTarget(write, cli.cwd), ...collected });
  }
  for (const { input, over } of await keptInputsOf(ledger)) {
    const collected = await (await app.keeper(input))?.collect(over, dryRun);
    if (collected === undefined || collected.removed.length === 0) continue;
    const shown = `copies of ${describeInput(input)}`;
    outputs.push({ output: shown, shown, ...collected });
  }
  const assets = isShared(ledger) ? await ledger.assets.collect(dryRun) : [];
  if (assets.length > 0)
    outputs.push({
      output: "assets",
      shown: `assets in ${ledger.place}`,
      removed: assets.map(({ sha256 }) => sha256),
      bytes: assets.reduce((sum, { bytes }) => sum + bytes, 0),
    });
  const { out, err, globals } = cli;
  if (globals.json) {
    printJson(out, { dryRun, outputs: outputs.map(({ shown: _, ...output }) => output) });
    return 0;
  }
  for (const { removed } of outputs) for (const path of removed) out.line(path);
  if (globals.quiet) return 0;
  const spent = outputs.filter(({ removed }) => removed.length > 0);
  if (spent.length === 0) err.line("nothing to remove");
  for (const { shown, removed, bytes: size } of spent)
    err.line(
      `${shown}: ${dryRun ? "would free" : "freed"} ${bytes(size)} in ${counted(removed.length, "place")}`,
    );
  return 0;
}

/** Every output that a recorded run wrote to, each once. */
async function outputsOf(ledger: Ledger): Promise<readonly WriteSpec[]> {
  const byTarget = new Map<string, WriteSpec>();
  for await (const { run } of ledger.listRuns()) {
    const { write } = run.job;
    if (!byTarget.has(targetOf(write))) byTarget.set(targetOf(write), write);
  }
  return [...byTarget.values()];
}

/** Runs that are over and may have left a copy of their input, by database. */
async function keptInputsOf(
  ledger: Ledger,
): Promise<readonly { readonly input: PostgresInput; readonly over: readonly Run[] }[]> {
  const byDatabase = new Map<string, { readonly input: PostgresInput; readonly over: Run[] }>();
  for await (const { run, status } of ledger.listRuns()) {
    const { input } = run.job;
    if (input.kind !== "postgres" || input.consistency !== "materialize") continue;
    if (status !== "published" && status !== "dropped") continue;
    const key = JSON.stringify(input.connection);
    const found = byDatabase.get(key);
    if (found === undefined) byDatabase.set(key, { input, over: [run] });
    else found.over.push(run);
  }
  return [...byDatabase.values()];
}

/** Attempts of undecided runs that were accepted or may still be. */
async function liveAttempts(ledger: Ledger, write: WriteSpec): Promise<ReadonlySet<string>> {
  const live = new Set<string>();
  for await (const { run, status } of ledger.listRuns()) {
    if (targetOf(run.job.write) !== targetOf(write) || status === "published" || status === "dropped")
      continue;
    for await (const { attemptId } of ledger.listPartitions(run.id))
      if (attemptId !== null) live.add(attemptId);
  }
  return live;
}
