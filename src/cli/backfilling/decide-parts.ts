import { asNightshiftError } from "../../errors.js";
import type { Job } from "../../job/job.js";
import { targetOf } from "../../job/output.js";
import { isActive } from "../../job/run.js";
import type { DecideParts } from "../../service/backfill.js";
import type { Sink } from "../../sinks/sink.js";
import { interruptionCheck } from "../lookup/owners.js";
import type { Cli } from "../shell/context.js";

/** What is asked about intervals, of this machine's ledger and of the job's sinks. */
export async function decideParts(cli: Cli): Promise<DecideParts> {
  const app = await cli.app();
  const sinks = new Map<string, Promise<Sink>>();
  const sink = (job: Job): Promise<Sink> => {
    const target = targetOf(job.write);
    const opened = sinks.get(target) ?? app.sink(job.write);
    sinks.set(target, opened);
    return opened;
  };
  const isInterrupted = await interruptionCheck();
  return {
    ledger: await app.ledger(),
    sink,
    isWorkedOn: (state) => isActive(state) && !isInterrupted(state),
    async fingerprint(job) {
      try {
        const planned = await (await app.runner()).plan({ job, guess: false }, cli.gently());
        return planned.plan.fingerprint;
      } catch (error) {
        if (["source.not-found", "source.empty"].includes(asNightshiftError(error).code)) return null;
        throw error;
      }
    },
    now: cli.clock.now(),
  };
}
