import { join } from "node:path";
import type { WriteSpec } from "../../job/output.js";
import type { RunOutcome, RunRequest } from "../../running/run-request.js";
import { jobFor } from "../../service/jobs.js";
import { count, duration } from "../../text/human.js";
import { padEnd, padStart } from "../output/text-width.js";
import { outcomeRecord, runWithProgress } from "../running/follow-run.js";
import type { Followed } from "../running/outcome-text.js";
import type { Cli } from "../shell/context.js";

export interface Nights {
  readonly runs: readonly Followed[];
  /** Where all of them write to; `null` when there were none. */
  readonly write: WriteSpec | null;
}

/** One run a night, one line each; stops at the first that doesn't end well. */
export async function runNights(cli: Cli, directory: string, nights: readonly string[]): Promise<Nights> {
  const runner = await (await cli.app()).runner();
  const runs: Followed[] = [];
  let write: WriteSpec | null = null;
  for (const night of nights) {
    const { job, specPath } = await jobFor(cli, join(directory, "jobs/flight-delay.yaml"), { at: night });
    write = job.write;
    const request: RunRequest = {
      ...{ job, kind: "spec", specPath, trigger: "cli", guess: false },
      ...{ reprocess: false, restart: false, takeOver: false },
    };
    const followed = await runWithProgress(cli, (options) => runner.run(request, options), {
      label: night,
      lines: "warnings",
    });
    const { outcome } = followed;
    runs.push(followed);
    if (cli.globals.json)
      cli.out.line(JSON.stringify({ type: "run.outcome", night, ...outcomeRecord(outcome) }));
    else if (!cli.globals.quiet) cli.err.line(nightLine(cli, night, outcome));
    if (outcome.status === "failed" || outcome.status === "cancelled") break;
  }
  return { runs, write };
}

function nightLine({ err: { paint } }: Cli, night: string, { status, rows, seconds }: RunOutcome): string {
  const facts =
    status === "published"
      ? `${padStart(count(rows.read), 7)} flights  ${paint.green(padEnd("published", 17))}  ${duration(seconds)}`
      : `${" ".repeat(15)}  ${status === "already-published" ? paint.cyan("already published") : paint.red(status)}`;
  return `${night}  ${facts}`;
}
