/** `ls jobs`: every spec, when it ran last, when it runs next, and how old its predictions are. */
import { nextInstant, parseCron } from "../../cron.js";
import { duration } from "../../human.js";
import type { RunState } from "../../run.js";
import { isTimezone } from "../../zone-clock.js";
import { type JobHere, jobsHere } from "../lookup/jobs.js";
import { shownPath } from "../output/paths.js";
import { instantText } from "../output/run-text.js";
import { renderTable } from "../output/table.js";
import { type Cli, printJson } from "../shell/context.js";

interface Timing {
  /** The newest run that was published; ISO 8601. */
  readonly last: string | null;
  readonly next: string | null;
  readonly paused: boolean;
  /** Since the end of the newest interval that is published; without intervals since the last publication. */
  readonly freshnessSeconds: number | null;
}

export async function listJobs(cli: Cli): Promise<number> {
  const jobs = await jobsHere(cli);
  const timings = await Promise.all(jobs.map((job) => timingOf(cli, job)));
  if (cli.globals.json) {
    printJson(
      cli.out,
      jobs.map((job, index) => ({ ...job, ...timings[index] })),
    );
    return 0;
  }
  if (jobs.length === 0) {
    cli.err.line("no jobs here: a job is a file jobs/<name>.yaml");
    return 0;
  }
  const { paint } = cli.out;
  const columns = [
    { title: "job", style: paint.bold },
    { title: "every" },
    { title: "schedule" },
    { title: "last", whole: true as const },
    { title: "next", whole: true as const },
    { title: "age", align: "right" as const },
    { title: "writes to" },
    { title: "spec" },
  ];
  const rows = jobs.map(({ name, every, schedule, to, path }, index) => {
    const timing = timings[index];
    return [
      name,
      every ?? "",
      schedule === null
        ? ""
        : `${schedule.cron}${schedule.timezone === "UTC" ? "" : ` ${schedule.timezone}`}`,
      shownInstant(timing?.last ?? null),
      timing?.paused === true ? "paused" : shownInstant(timing?.next ?? null),
      timing?.freshnessSeconds == null ? "" : duration(timing.freshnessSeconds),
      to ?? "",
      shownPath(path, cli.cwd),
    ];
  });
  cli.out.line(renderTable(columns, rows, cli.out));
  for (const { path, error } of jobs)
    if (error !== null) cli.err.line(cli.err.paint.yellow(`warning: ${shownPath(path, cli.cwd)}: ${error}`));
  return 0;
}

async function timingOf(cli: Cli, job: JobHere): Promise<Timing> {
  const app = await cli.app();
  const now = cli.clock.now();
  const published = await lastPublished(cli, job.name);
  const paused =
    job.schedule !== null && job.error === null && (await (await app.scheduleBook()).isPaused(job.name));
  const freshAt = published === null ? null : (published.run.interval?.end ?? published.updatedAt);
  return {
    last: published?.updatedAt ?? null,
    next: paused ? null : nextOf(job, now),
    paused,
    freshnessSeconds: freshAt === null ? null : Math.max(0, (now.getTime() - Date.parse(freshAt)) / 1000),
  };
}

/** Of the newest interval; a backfill may have published older ones since. */
async function lastPublished(cli: Cli, jobName: string): Promise<RunState | null> {
  let newest: RunState | null = null;
  for await (const state of (await (await cli.app()).ledger()).listRuns({ jobName })) {
    if (state.status !== "published") continue;
    if (state.run.interval === null) return state;
    if (newest === null || state.run.interval.start > (newest.run.interval?.start ?? "")) newest = state;
  }
  return newest;
}

/** As far as the spec can be read without being checked. */
function nextOf({ schedule }: JobHere, now: Date): string | null {
  if (schedule === null || !isTimezone(schedule.timezone)) return null;
  const parsed = parseCron(schedule.cron);
  if (parsed.kind === "mistake") return null;
  return nextInstant(parsed.cron, schedule.timezone, now)?.toISOString() ?? null;
}

function shownInstant(iso: string | null): string {
  return iso === null ? "" : instantText(iso);
}
