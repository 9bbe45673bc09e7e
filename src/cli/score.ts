// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is how databases are named

import type { Command } from "commander";
import { SpecError } from "../errors.js";
import { placeOf } from "../job/output.js";
import type { RunRequest } from "../running/run-request.js";
import { type MetricsPush, withObservers } from "../service/observe.js";
import { refuseOutside } from "../wiring/output-files.js";
import {
  declareMapping,
  declareResources,
  declareRowPolicy,
  guessing,
  jobBetween,
  type ModelJobFlags,
  refuseTarget,
} from "./lookup/model-job.js";
import { placesOf } from "./lookup/places.js";
import type { DatabasePlace } from "./lookup/tables.js";
import { followRun } from "./running/follow-run.js";
import {
  declareClaim,
  declareLane,
  declareMetrics,
  declareQuarantineExit,
  declareQueue,
  type LaneFlags,
  laneOf,
  type QuarantineFlags,
} from "./running/run-options.js";
import type { Cli } from "./shell/context.js";

export interface ScoreFlags extends ModelJobFlags, QuarantineFlags, MetricsPush, LaneFlags {
  readonly output?: string;
  readonly table?: string;
  readonly toTable?: string;
  readonly overwrite?: true;
  readonly restart?: true;
  readonly takeOver?: true;
}

export function declare(command: Command): void {
  command
    .option(
      "-o, --output <path>",
      "where predictions go (required): x.parquet is one file, else a directory; or a database, with --to-table",
    )
    .option("--table <name>", "read this table of the database that is named as input: '${DATABASE_URL}'")
    .option(
      "--to-table <name>",
      "write to this table of the database that -o names; made where it is missing",
    )
    .option("--overwrite", "replace what is published there; readers see the old or the new, whole");
  declareClaim(declareLane(declareQueue(command)));
  declareMapping(command);
  declareRowPolicy(command);
  declareQuarantineExit(command);
  declareResources(command);
  declareMetrics(command);
  command.addHelpText(
    "after",
    `
Examples:
  nightshift score model.onnx data.parquet -o predictions.parquet
  nightshift score model.onnx 'data/dt=*/*.parquet' -o predictions/ --key id --features a,b,c
  nightshift score model.onnx '\${DATABASE_URL}' --table public.users --key id -o '\${DATABASE_URL}' --to-table scores.churn`,
  );
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const flags = command.opts<ScoreFlags>();
  refuseTarget(cli);
  const lane = laneOf(flags, cli.settings);
  const asked = parseScore(command.args, flags, cli);
  // The run keeps its lane, also for a retry.
  const request = lane === undefined ? asked : { ...asked, lane };
  const output = placeOf(request.job.write);
  if (output.is === "path") refuseOutside(output.path, cli.settings.outputRoot);
  const runner = await (await cli.app()).runner();
  const quarantineExitZero = flags.quarantineExitZero === true;
  return withObservers(cli, flags, request.job, (observers) =>
    followRun(cli, (options) => runner.run(request, options), {
      ...{ write: request.job.write, quarantineExitZero, observers, lane },
    }),
  );
}

/** What `score <model> <input...>` asks for. */
export function parseScore(
  positionals: readonly string[],
  flags: ScoreFlags,
  place: DatabasePlace,
): RunRequest {
  const [model = "", ...inputs] = positionals;
  // Not left to commander, which would complain about a missing --output where it was only misspelt.
  if (flags.output === undefined)
    throw new SpecError("usage.missing-output", "where should the predictions go?", {
      hint: `Add -o predictions/ for a directory, -o predictions.parquet for one file, or -o '\${DATABASE_URL}' --to-table schema.name.`,
    });
  refuseUnusedBudget(flags);
  const overwrite = flags.overwrite === true;
  const { output: to, table, toTable } = flags;
  const named = {
    ...{ inputs, to, overwrite },
    ...(table === undefined ? {} : { table }),
    ...(toTable === undefined ? {} : { toTable }),
  };
  return {
    job: jobBetween(model, placesOf(named, flags, place), flags, place.cwd),
    kind: "score",
    specPath: null,
    trigger: "cli",
    guess: guessing(flags),
    reprocess: overwrite,
    restart: flags.restart === true,
    takeOver: flags.takeOver === true,
  };
}

/** As in a spec: there the budgets mean nothing either while the first bad row fails the run. */
function refuseUnusedBudget({ onRowError = "fail", maxErrorRows, maxErrorFraction }: ScoreFlags): void {
  if (onRowError !== "fail" || (maxErrorRows === undefined && maxErrorFraction === undefined)) return;
  const option = maxErrorRows === undefined ? "--max-error-fraction" : "--max-error-rows";
  throw new SpecError(
    "usage.unused-budget",
    `${option} means nothing while the first bad row fails the run`,
    { hint: "Add --on-row-error quarantine or emit_null." },
  );
}
