import type { Command } from "commander";
import type { Job } from "../job/job.js";
import type { Asset, Plan } from "../job/plan.js";
import type { PlannedJob } from "../running/run-request.js";
import { type JobMoment, jobFor } from "../service/jobs.js";
import { shownPath } from "../service/paths.js";
import { resolvedYaml } from "../spec/write/resolved-yaml.js";
import { bytes } from "../text/human.js";
import { summarised } from "../text/summarised.js";
import { wrapLines } from "./output/fit.js";
import { checkFacts, hookFacts, mappingTable, probeFacts } from "./output/plan-text.js";
import { renderPairs, renderTable, type TableOptions } from "./output/table.js";
import { declareInterval, declareNoHooks } from "./running/run-options.js";
import { type Cli, printJson } from "./shell/context.js";

export function declare(command: Command): void {
  declareNoHooks(declareInterval(command));
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const { job, specPath } = await jobFor(cli, command.args[0] ?? "", command.opts<JobMoment>());
  const runner = await (await cli.app()).runner();
  const planned = await runner.plan({ job, guess: false }, cli.stopGracefully());
  if (cli.globals.json) printJson(cli.out, explainJson(planned, specPath));
  else
    cli.out.line(
      explainText(planned.plan, { specPath, cwd: cli.cwd, verbose: cli.globals.verbose }, cli.out),
    );
  return 0;
}

/** Everything that a run of the job would be made of, but its partitions. */
export function explainJson({ plan }: PlannedJob, specPath: string): unknown {
  const {
    job,
    assets,
    signature,
    inputSchema,
    mapping,
    hooks,
    profile,
    check,
    fingerprint,
    totals,
    notes,
    nulls,
  } = plan;
  return {
    specPath,
    job,
    assets,
    signature,
    inputSchema,
    mapping,
    hooks,
    profile,
    check,
    fingerprint,
    totals,
    notes,
    ...(nulls === undefined ? {} : { nulls }),
  };
}

export interface ExplainPlace {
  readonly specPath: string;
  readonly cwd: string;
  /** All inputs of the model, not their number. */
  readonly verbose: boolean;
}

/** The spec with nothing left to expand, then what the mapping came to, then what is pinned. */
export function explainText(
  plan: Plan,
  { specPath, cwd, verbose }: ExplainPlace,
  options: TableOptions,
): string {
  const { job, mapping, profile, fingerprint } = plan;
  const { paint, width } = options;
  const interval = job.interval === null ? "" : ` for ${job.interval.ds}`;
  return [
    `${paint.bold(job.name)}${interval}  ${paint.dim(shownPath(specPath, cwd))}`,
    resolvedYaml(job),
    mappingTable(mapping, { ...options, verbose }),
    (verbose ? mapping.found : summarised(mapping.found))
      .map((line) => wrapLines(paint.dim(line), width))
      .join("\n"),
    assetTable(plan.assets, cwd, options),
    renderPairs(
      [
        ...varFacts(job),
        ...probeFacts(plan),
        ...hookFacts(plan, cwd),
        ...checkFacts(plan, cwd),
        ["engine", `${profile.engine} ${profile.engineVersion} on ${profile.provider}`],
        ["fingerprint", fingerprint],
      ],
      paint,
      width,
    ),
    ...[...mapping.warnings, ...plan.notes].map((line) => wrapLines(paint.yellow(`warning: ${line}`), width)),
  ]
    .filter((block) => block !== "")
    .join("\n\n");
}

function varFacts({ vars }: Job): readonly (readonly [string, string])[] {
  if (vars === undefined) return [];
  const given = Object.entries(vars).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return [["given vars", given.join(", ")]];
}

function assetTable(assets: readonly Asset[], cwd: string, options: TableOptions): string {
  return renderTable(
    [
      { title: "pinned" },
      { title: "file" },
      { title: "size", align: "right" },
      { title: "sha256", whole: true },
    ],
    assets.map(({ role, path, size, sha256 }) => [role, shownPath(path, cwd), bytes(size), sha256]),
    options,
  );
}
