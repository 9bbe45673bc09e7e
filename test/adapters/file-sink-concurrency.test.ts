import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Decision } from "../../src/sinks/sink.js";
import type { FileSystem } from "../../src/stores/file-system.js";
import { freshDirectory, readOutput, runOf, sinkFor, stageRun, type Target } from "../support/file-target.js";
import { unsyncedFileSystem } from "../support/recording-file-system.js";
import { type Ended, seeded, steppedDisk } from "../support/stepped-file-system.js";

const fingerprint = "f".repeat(64);
const seeds = Array.from({ length: 40 }, (_, seed) => seed);

function look(target: Target): readonly number[] | null {
  return readdirSync(join(target.to, "..")).includes("out")
    ? Object.values(readOutput(target.to)).flat()
    : null;
}

function outcomes(ended: Ended, ...names: readonly string[]): readonly string[] {
  return names.flatMap((name) => {
    const end = ended[name];
    if (end === undefined || end === "died") return [];
    if (end.error !== undefined) throw end.error;
    return [(end.value as Decision).outcome];
  });
}

it.each(["replace", "append", "error"] as const)(
  "two coordinators of one run, an abort of it and another run, dying at random: mode %s",
  async (mode) => {
    const tally = new Map<string, number>();
    const root = freshDirectory();
    for (const seed of seeds) {
      const random = seeded(seed);
      const disk = steppedDisk(unsyncedFileSystem, random, seed % 3 === 0 ? 0.02 : 0);
      const to = join(root, String(seed), "out");
      mkdirSync(join(to, ".."));
      const [x, y] = [runOf("x", { day: "2026-01-02" }), runOf("y", { day: "2026-01-03" })];
      const ofX = await stageRun({ to, fileSystem: unsyncedFileSystem }, x, [{ ids: [1] }, { ids: [2] }]);
      const ofY = await stageRun({ to, fileSystem: unsyncedFileSystem }, y, [{ ids: [3] }]);
      const as = (name: string) => sinkFor({ to, fileSystem: disk.seenBy(name), newId: namesOf(name) }, mode);
      const whole = mode === "append" ? ["[1,2]", "[3]", "[1,2,3]"] : ["[1,2]", "[3]"];

      const ended = await disk.run(
        {
          first: () => as("first").publish(x, fingerprint, ofX),
          second: () => as("second").publish(x, fingerprint, ofX),
          abort: () => as("abort").abort(x),
          other: () => refusedAsNull(as("other").publish(y, fingerprint, ofY)),
        },
        () => {
          const seen = look({ to });
          if (seen !== null) expect(whole, `seed ${seed}`).toContain(JSON.stringify(seen));
        },
      );

      const left = look({ to });
      const survivor = sinkFor({ to, fileSystem: unsyncedFileSystem }, mode);
      const decision = await refusedAsNull(survivor.publish(x, fingerprint, ofX));
      await refusedAsNull(survivor.publish(y, fingerprint, ofY));
      for (const outcome of outcomes(withoutRefused(ended), "first", "second", "abort")) {
        expect(outcome, `seed ${seed}`).toBe(decision?.outcome);
      }
      const seen = look({ to }) ?? [];
      if (decision?.outcome !== "commit") expect(seen).toEqual([3]);
      // If no process died, no other process had to show what the log says.
      if (!Object.values(ended).includes("died")) expect(seen, `seed ${seed}`).toEqual(left ?? []);
      const result = `${decision?.outcome ?? "refused"}, sees ${JSON.stringify(seen)}`;
      tally.set(result, (tally.get(result) ?? 0) + 1);
    }
    console.log(mode, Object.fromEntries(tally));
    expect(tally.size).toBeGreaterThan(1);
  },
);

it("a publisher that is overtaken just before the switch shows the newer publication in the end", async () => {
  const to = join(freshDirectory(), "out");
  const [x, y] = [runOf("x"), runOf("y")];
  const ofX = await stageRun({ to }, x, [{ ids: [1] }]);
  const ofY = await stageRun({ to }, y, [{ ids: [2] }]);
  let isOvertaken = false;
  const slow: FileSystem = {
    ...unsyncedFileSystem,
    async rename(from, target) {
      if (target === to && !isOvertaken) {
        isOvertaken = true;
        await sinkFor({ to }, "replace").publish(y, fingerprint, ofY);
        expect(look({ to })).toEqual([2]);
      }
      return unsyncedFileSystem.rename(from, target);
    },
  };
  await sinkFor({ to, fileSystem: slow }, "replace").publish(x, fingerprint, ofX);
  expect(isOvertaken).toBe(true);
  expect(look({ to })).toEqual([2]);
});

function namesOf(process: string): () => string {
  let next = 0;
  return () => `${process}${next++}`;
}

/** In mode error only one of two runs can be published; the other one gets an error. */
async function refusedAsNull(decision: Promise<Decision>): Promise<Decision | null> {
  return decision.catch((error: unknown) => {
    if ((error as { code?: string }).code === "refused.target-exists") return null;
    throw error;
  });
}

function withoutRefused(ended: Ended): Ended {
  const refused = (end: Ended[string]) =>
    end !== "died" && (end.error as { code?: string } | undefined)?.code === "refused.target-exists";
  return Object.fromEntries(Object.entries(ended).filter(([, end]) => !refused(end)));
}
