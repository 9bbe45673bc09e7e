import { expect, test } from "vitest";
import { InfraError } from "../../src/errors.js";
import { startAgain, withHintOf } from "../../src/job/way-on.js";

test("a later generation is started again beside what is published, the first one plainly", () => {
  expect(startAgain("daily-2026-01-01-abc-g1")).not.toContain("--");
  expect(startAgain("daily-2026-01-01-abc-g2")).toContain("run --reprocess");
  expect(startAgain("daily-2026-01-01-abc-g12")).toContain("score --overwrite");
});

test.each([
  ["-g1", "Start over with --restart.", "Start over with --restart."],
  ["-g2", "Start over with --restart.", "Start over with --reprocess --restart."],
  ["-g2", "Use --reprocess --restart.", "Use --reprocess --restart."],
  [
    "-g1",
    "Run the same command again: all is kept.",
    "Run the same command again, without --restart: all is kept.",
  ],
  ["-g2", "Free some space.", "Free some space."],
])("a hint for a run %s says the flags that keep its work or drop it: %s", (generation, hint, expected) => {
  const error = new InfraError("infra.x", "x", { hint });
  expect(withHintOf(error, `daily-2026-01-01-abc${generation}`).hint).toBe(expected);
});
