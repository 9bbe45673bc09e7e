import { SpecError } from "../../errors.js";
import type { Cli } from "../shell/context.js";

/** Name of a job that has a schedule. @throws SpecError `spec.not-found`, `usage.no-schedule` */
export async function scheduledJobNamed(cli: Cli, given: string): Promise<string> {
  const { findJob, listJobs } = await import("../../spec/find-job.js");
  const path = await findJob(given, cli.cwd);
  const job = (await listJobs(cli.cwd)).find((each) => each.path === path);
  if (job !== undefined && job.schedule !== null) return job.name;
  throw new SpecError("usage.no-schedule", `${given} has no schedule`, {
    hint: "Add `schedule: { cron: ... }` to the job; without one it runs only when somebody starts it.",
  });
}
