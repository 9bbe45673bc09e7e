/** `after`: jobs that wait for each other. */
import { describe, expect, test } from "vitest";
import { type Follower, mistakeInAfter, scheduleOfAfter } from "../../src/spec/after.js";

const job = (name: string, after: readonly string[] = [], every: string | null = "day"): Follower => ({
  ...{ name, after, every },
});
const codeOf = (all: readonly Follower[], name: string) => {
  const follower = all.find((each) => each.name === name);
  return follower === undefined ? undefined : (mistakeInAfter(follower, all)?.code ?? null);
};

describe("a job that waits for others", () => {
  test.each([
    ["a chain", [job("a"), job("b", ["a"]), job("c", ["a", "b"])], [null, null, null]],
    ["itself", [job("a", ["a"])], ["spec.after-circle"]],
    ["a circle of two", [job("a", ["b"]), job("b", ["a"])], ["spec.after-circle", "spec.after-circle"]],
    [
      "a circle that it is not part of",
      [job("a", ["b"]), job("b", ["c"]), job("c", ["b"])],
      [null, "spec.after-circle", "spec.after-circle"],
    ],
    ["one that is not there", [job("a", ["nigthly"]), job("nightly")], ["spec.after", null]],
    ["one without intervals", [job("a", ["b"]), job("b", [], null)], ["spec.after", null]],
  ])("%s", (_, all, codes) => {
    expect(all.map(({ name }) => codeOf(all, name))).toEqual(codes);
  });

  test("is reported with the name that was meant", () => {
    const all = [job("a", ["nigthly"]), job("nightly")];
    expect(mistakeInAfter(all[0] as Follower, all)?.hint).toBe("did you mean `nightly`?");
  });

  test.each([
    ["hour", null, "0 * * * *"],
    ["day", null, "0 0 * * *"],
    ["week", null, "0 0 * * 1"],
    ["week", "2026-01-01", "0 0 * * 4"],
    ["month", "2026-01-15", "0 0 15 * *"],
    ["month", "not a date", "0 0 1 * *"],
  ])("of %s from %s is looked at when its interval ends", (every, start, cron) => {
    expect(scheduleOfAfter(every, start, "UTC").expression).toBe(cron);
  });
});
