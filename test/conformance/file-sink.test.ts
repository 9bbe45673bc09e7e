import { existsSync } from "node:fs";
import { join } from "node:path";
import { freshDirectory, idsIn, readOutput, sinkFor, stageRun, type Target } from "../support/file-target.js";
import { type SinkTarget, sinkConformance } from "./sink.js";

function target(shape: "directory" | "file", name: string): SinkTarget {
  const at: Target = { to: join(freshDirectory(), name), shape };
  return {
    sink: (mode) => sinkFor(at, mode),
    stage: (run, partitions) =>
      stageRun(
        at,
        run,
        partitions.map((ids) => ({ ids })),
      ),
    async read() {
      if (!existsSync(at.to)) return null;
      return shape === "file" ? idsIn(at.to) : Object.values(readOutput(at.to)).flat();
    },
  };
}

sinkConformance("a directory of files", async () => target("directory", "out"));
sinkConformance("one file", async () => target("file", "out.arrow"));
