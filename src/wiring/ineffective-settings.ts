/** What a job asks for and this run cannot apply, depending on whether it goes over a queue. */
import type { Settings } from "../config.js";
import type { Job } from "../job/job.js";
import { usualTag } from "../job/lane.js";

/** Returns a function that warns once for each job and setting that has no effect in this process's runs. */
export function ineffectiveSettings(
  { queue }: Pick<Settings, "queue">,
  warn: (text: string) => void,
): (job: Job) => void {
  const said = new Set<string>();
  return (job) => {
    const text = queue === null ? withoutQueue(job) : onWorkers(job);
    if (text === null || said.has(text)) return;
    said.add(text);
    warn(text);
  };
}

function withoutQueue({ name, runsOn = usualTag }: Job): string | null {
  if (runsOn === usualTag) return null;
  return `runs_on: ${runsOn} of job ${name} has no effect without a queue: this process does all partitions. To have workers with that tag do them, give --queue or NIGHTSHIFT_QUEUE`;
}

/** A worker shares its threads and memory between runs, so its own settings decide. */
function onWorkers({ name, limits: { threads, memoryBytes } }: Job): string | null {
  const given: string[] = [];
  const set: string[] = [];
  if (threads !== "auto") {
    given.push("limits.threads");
    set.push(`--threads ${threads}`);
  }
  if (memoryBytes !== "auto") {
    given.push("limits.memory");
    // Half of it is for decoding, which is what the limit counts.
    set.push(`NIGHTSHIFT_MEMORY=${2 * memoryBytes}`);
  }
  if (given.length === 0) return null;
  return `${given.join(" and ")} of job ${name} limit${given.length === 1 ? "s" : ""} no worker of the queue. To limit what a worker uses, start it with ${set.join(" and ")}; runs_on reserves workers for the job`;
}
