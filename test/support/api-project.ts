/** A service over a small project: a job with a schedule, one without intervals, and a broken one. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ApiClient, apiClient } from "./api-client.js";
import { type DailyProject, dailyProject } from "./daily-project.js";
import { type Served, serveIn } from "./served.js";

export interface ApiProject {
  readonly project: DailyProject;
  readonly served: Served;
  readonly api: ApiClient;
  /** Another service of the same project, on a port of its own. */
  start(...more: readonly string[]): Served;
  /** A job like `daily`, with an output of its own. */
  writeJob(name: string, change: (spec: string) => string): void;
  remove(): Promise<void>;
}

/** @param environment of the services */
export async function apiProject(environment: { readonly [name: string]: string } = {}): Promise<ApiProject> {
  const project = dailyProject("2025-01-01", 4);
  project.writeSpec({ more: ['schedule: { cron: "15 2 * * *" }'] });
  const writeJob: ApiProject["writeJob"] = (name, change) => {
    const spec = readFileSync(project.spec, "utf8")
      .replace("name: daily", `name: ${name}`)
      .replace("../out", `../out-${name}`);
    writeFileSync(join(project.cwd, `jobs/${name}.yaml`), change(spec));
  };
  writeJob("once", (spec) =>
    spec.replaceAll("{{ ds }}", "2025-01-01").replace(/^(intervals|schedule):.*\n/gm, ""),
  );
  writeJob("broken", (spec) => spec.replace("model:", "modell:"));
  const start: ApiProject["start"] = (...more) =>
    serveIn(project.cwd, environment, "--listen", "127.0.0.1:0", ...more);
  const served = start();
  return {
    project,
    served,
    api: await apiClient(await urlOf(served)),
    start,
    writeJob,
    async remove() {
      served.child.kill("SIGKILL");
      await served.finished;
      project.remove();
    },
  };
}

/** Where it listens, once it does. */
export async function urlOf(service: Served): Promise<string> {
  const event = await service.until("api.listening");
  if (event === null) throw new Error((await service.finished).stderr);
  return String(event.url);
}
