/** `ls jobs`: every spec, when it ran last, when it runs next, and how old its predictions are. */

import { jobTiming, type TimedJob } from "../../service/job-timing.js";
import { type JobHere, jobsHere } from "../../service/jobs.js";
import { shownPath } from "../../service/paths.js";
import { duration } from "../../text/human.js";
import { parseCron } from "../../time/cron.js";
import { isTimezone } from "../../time/zone-clock.js";
import { instantText } from "../output/run-text.js";
import { renderTable } from "../output/table.js";
import { type Cli, printJson } from "../shell/context.js";

export async function listJobs(cli: Cli): Promise<number> {
  const jobs = await jobsHere(cli);
  const timing = await jobTiming(await cli.app());
  const now = cli.clock.now();
  const timings = await Promise.all(
    jobs.map((job) => timing({ name: job.name, schedule: scheduleOf(job) }, now)),
  );
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
    { title: "job", style: paint.bold, whole: true as const },
    { title: "every", spare: 2 },
    { title: "schedule" },
    { title: "last", whole: true as const },
    { title: "failed", whole: true as const, spare: 5, style: paint.red },
    { title: "next", whole: true as const },
    { title: "age", align: "right" as const, spare: 1 },
    { title: "writes to", spare: 3 },
    { title: "spec", spare: 4 },
  ];
  const rows = jobs.map(({ name, every, schedule, to, path }, index) => {
    const times = timings[index];
    return [
      name,
      every ?? "",
      schedule === null
        ? ""
        : `${schedule.cron}${schedule.timezone === "UTC" ? "" : ` ${schedule.timezone}`}`,
      shownInstant(times?.last ?? null),
      shownInstant(times?.lastFailure ?? null),
      times?.paused === true ? "paused" : shownInstant(times?.next ?? null),
      times?.freshnessSeconds == null ? "" : duration(times.freshnessSeconds),
      to ?? "",
      shownPath(path, cli.cwd),
    ];
  });
  cli.out.line(renderTable(columns, rows, cli.out));
  for (const { path, error } of jobs)
    if (error !== null) cli.err.line(cli.err.paint.yellow(`warning: ${shownPath(path, cli.cwd)}: ${error}`));
  return 0;
}

/** As far as the spec can be read without being checked. */
function scheduleOf({ schedule }: JobHere): TimedJob["schedule"] {
  if (schedule === null || !isTimezone(schedule.timezone)) return null;
  const parsed = parseCron(schedule.cron);
  return parsed.kind === "mistake" ? null : { cron: parsed.cron, timezone: schedule.timezone };
}

function shownInstant(iso: string | null): string {
  return iso === null ? "" : instantText(iso);
}
