import { expect, test } from "vitest";
import { startAgain } from "../../src/job/way-on.js";

test("a later generation is started again beside what is published, the first one plainly", () => {
  expect(startAgain("daily-2026-01-01-abc-g1")).not.toContain("--");
  expect(startAgain("daily-2026-01-01-abc-g2")).toContain("run --reprocess");
  expect(startAgain("daily-2026-01-01-abc-g12")).toContain("score --overwrite");
});
