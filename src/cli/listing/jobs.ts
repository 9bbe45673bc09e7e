/** `ls jobs`: every spec, when it ran last, when it runs next, and how old its predictions are. */

import { listJobs } from "../../service/list.js";
import { shownPath } from "../../service/paths.js";
import { duration } from "../../text/human.js";
import { instantText } from "../output/run-text.js";
import { renderTable } from "../output/table.js";
import { type Cli, printJson } from "../shell/context.js";

export async function showJobs(cli: Cli): Promise<number> {
  const jobs = await listJobs(cli);
  if (cli.globals.json) {
    printJson(cli.out, jobs);
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
  const rows = jobs.map((job) => {
    const { name, every, schedule, to, path } = job;
    return [
      name,
      every ?? "",
      schedule === null
        ? ""
        : `${schedule.cron}${schedule.timezone === "UTC" ? "" : ` ${schedule.timezone}`}`,
      shownInstant(job.last),
      shownInstant(job.lastFailure),
      job.paused ? "paused" : shownInstant(job.next),
      job.freshnessSeconds === null ? "" : duration(job.freshnessSeconds),
      to ?? "",
      shownPath(path, cli.cwd),
    ];
  });
  cli.out.line(renderTable(columns, rows, cli.out));
  for (const { path, error } of jobs)
    if (error !== null) cli.err.line(cli.err.paint.yellow(`warning: ${shownPath(path, cli.cwd)}: ${error}`));
  return 0;
}

function shownInstant(iso: string | null): string {
  return iso === null ? "" : instantText(iso);
}
