import { freshTarget, idsIn, stageRun } from "../support/postgres-target.js";
import { sinkConformance } from "./sink.js";

sinkConformance("a table", async () => {
  const target = await freshTarget();
  return {
    sink: (mode) => target.sink({ mode }),
    stage: (run, partitions) =>
      stageRun(
        target,
        run,
        partitions.map((ids) => ({ ids })),
      ),
    read: () => idsIn(target.database),
  };
});
