import type { Command } from "commander";
import { exitCodes, type NightshiftError, toErrorRecord } from "../errors.js";
import { targetOf } from "../job/output.js";
import type { CollectedPlace } from "../running/collect-garbage.js";
import { collectGarbage } from "../service/gc.js";
import { shownTarget } from "../service/paths.js";
import { bytes, counted } from "../text/human.js";
import { type Cli, printJson } from "./shell/context.js";

interface GcFlags {
  readonly dryRun?: true;
}

export function declare(command: Command): void {
  command.option("--dry-run", "only say what would be removed");
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const dryRun = command.opts<GcFlags>().dryRun === true;
  const { out, err, globals } = cli;
  const { collected, skipped, forgotten } = await collectGarbage(cli, dryRun);
  const exitCode = exitOf(skipped.map(({ error }) => error));
  if (globals.json) {
    const outputs = collected.map(({ place, ...found }) => ({ output: nameOf(place), ...found }));
    const left = skipped.map(({ what, error }) => ({ output: what, error: toErrorRecord(error) }));
    printJson(out, { dryRun, outputs, skipped: left, forgotten });
    return exitCode;
  }
  for (const { removed } of collected) for (const path of removed) out.line(path);
  for (const { what, error } of skipped) {
    err.line(err.paint.yellow(`warning: ${what} is left alone: ${error.message}`));
    if (error.hint !== undefined) err.line(`  hint: ${error.hint}`);
  }
  if (globals.quiet) return exitCode;
  if (forgotten.length > 0)
    err.line(
      `${dryRun ? "would remove" : "removed"} ${counted(forgotten.length, "run")} from the ledger: retention.runs in nightshift.yaml`,
    );
  const spent = collected.filter(({ removed }) => removed.length > 0);
  if (spent.length === 0 && forgotten.length === 0)
    err.line(skipped.length === 0 ? "nothing to remove" : "nothing else to remove");
  for (const { place, removed, bytes: size } of spent) {
    const shown = place.kind === "output" ? shownTarget(place.write, cli.cwd) : place.name;
    err.line(
      `${shown}: ${dryRun ? "would free" : "freed"} ${bytes(size)} in ${counted(removed.length, "place")}`,
    );
  }
  return exitCode;
}

function nameOf(place: CollectedPlace): string {
  if (place.kind === "output") return targetOf(place.write);
  return place.kind === "assets" ? "assets" : place.name;
}

/** A database that has moved stays moved, which is no failure; one that does not answer, or a damaged journal, is one. */
function exitOf(skipped: readonly NightshiftError[]): number {
  return skipped.every(({ kind }) => kind === "spec") ? exitCodes.ok : exitCodes.failed;
}
