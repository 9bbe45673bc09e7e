import type { Command } from "commander";
import type { RowsTable } from "../host/host.js";
import { placeOf } from "../job/output.js";
import type { PartitionState } from "../job/partition.js";
import type { RunState } from "../job/run.js";
import type { App } from "../service/context.js";
import { runFor } from "../service/run-status.js";
import type { Sink } from "../sinks/sink.js";
import { type ErrorReport, groupReasons, quarantinedRow } from "./errors/report.js";
import { reportText } from "./errors/report-text.js";
import { type Cli, printJson } from "./shell/context.js";
import { wholeNumber } from "./shell/options.js";

interface ErrorsFlags {
  readonly sample: number;
}

/** Quarantined rows looked at for samples; counts come from the ledger and cover them all. */
const rowsLookedAt = 1000;

export function declare(command: Command): void {
  command.option("--sample <n>", "quarantined rows to show for each reason", wholeNumber(0), 3);
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const { sample } = command.opts<ErrorsFlags>();
  const app = await cli.app();
  const ledger = await app.ledger();
  const state = await runFor(ledger, command.args[0]);
  const partitions: PartitionState[] = [];
  for await (const partition of ledger.listPartitions(state.run.id)) partitions.push(partition);

  const { write } = state.run.job;
  const place = placeOf(write);
  const sink = await app.sink(write);
  const files = state.status === "published" ? await sink.quarantineFiles(state.run.id) : [];
  const table = await quarantined(app, sink, state, files, sample);
  const rows = (table?.rows ?? []).map((row) => quarantinedRow(table?.columns ?? [], row));

  const report: ErrorReport = {
    state,
    reasons: groupReasons(partitions, rows, sample),
    failures: partitions.flatMap(({ index, status, attempts, lastError }) =>
      lastError === null || status === "accepted"
        ? []
        : [{ partition: index, status, attempts, error: lastError }],
    ),
    quarantineFiles: files,
    quarantineTable: place.is === "table" && rows.length > 0 ? place.quarantine : null,
  };
  if (cli.globals.json)
    printJson(cli.out, { run: state.run.id, status: state.status, ...report, state: undefined });
  else cli.out.line(reportText(report, cli.cwd, cli.out));
  if (isElsewhere(report) && !cli.globals.json && !cli.globals.quiet)
    cli.err.line(
      `the rows themselves are not shown: the quarantine of ${state.run.target} is not on this machine`,
    );
  return 0;
}

/** The first quarantined rows, from files or from a database. */
async function quarantined(
  app: App,
  sink: Sink,
  { run, status }: RunState,
  files: readonly string[],
  sample: number,
): Promise<RowsTable | null> {
  if (sample === 0 || status !== "published") return null;
  if (files.length === 0) return sink.quarantinedRows(run.id, rowsLookedAt);
  return (await app.host()).call("read-rows", { from: files, limit: rowsLookedAt });
}

/** The ledger is reached from anywhere; quarantine files only from where the output is. */
function isElsewhere({ state, quarantineFiles }: ErrorReport): boolean {
  const isInFiles = placeOf(state.run.job.write).is === "path";
  return (
    isInFiles &&
    state.status === "published" &&
    state.accepted.rows.quarantined > 0 &&
    quarantineFiles.length === 0
  );
}
