/** No glob keeps a process busy, and those that are matched without a regular expression mean what they always did. */
import picomatch from "picomatch";
import { expect, test } from "vitest";
import { globMatcher } from "../../src/stores/local/glob.js";
import { seededRandom } from "../support/seeded-random.js";

const long = "a".repeat(250);

test("many wildcards against a long name end at once", () => {
  // A backtracking matcher would not end within the life of the machine.
  for (const glob of [`${"*a".repeat(40)}*b`, `${"*[a-z]".repeat(40)}*b`, `${"**/*a*a*a/".repeat(20)}b`]) {
    const matches = globMatcher(glob);
    expect(matches(long)).toBe(false);
    expect(matches(Array(60).fill(long).join("/"))).toBe(false);
  }
  expect(globMatcher("*a".repeat(40))(long)).toBe(true);
});

test("a group that takes too long is refused", () => {
  const matches = globMatcher(`{${"*a".repeat(40)}*b,x}`);
  expect(() => matches(long)).toThrow(expect.objectContaining({ code: "source.slow-pattern" }));
});

test.each(["{a,b}/*.parquet", "x{01..12}", "@(a|b)*", "!(a)", "a\\*b", "(a)", "[z-a]", "[[:digit:]]"])(
  "%s is left to picomatch",
  (glob) => {
    for (const path of ["a/x.parquet", "x07", "ab", "b", "a*b", "(a)", "a", "7"])
      expect(globMatcher(glob)(path), path).toBe(picomatch(glob, { nonegate: true })(path));
  },
);

test("random globs match what picomatch matches", () => {
  const random = seededRandom(11);
  const pick = (from: readonly string[]) => from[Math.floor(random() * from.length)] ?? "";
  const some = (most: number, from: readonly string[]) =>
    Array.from({ length: 1 + Math.floor(random() * most) }, () => pick(from)).join("");
  const glob = () =>
    random() < 0.2 ? "**" : some(4, ["a", "b", ".", "*", "*", "?", "[ab]", "[^a]", "[a-c]", "=", "-"]);
  const name = () => some(4, ["a", "b", "c", ".", "=", "-"]);
  const steps = (one: () => string) => Array.from({ length: 1 + Math.floor(random() * 3) }, one).join("/");
  let matched = 0;
  for (let i = 0; i < 1_500; i++) {
    const [pattern, path] = [steps(glob), steps(name)];
    // Patterns are resolved before.
    if (pattern.split("/").some((step) => /^\.+$/.test(step))) continue;
    // Hidden names are not listed; and picomatch wants something after the dot of `*.*`, as no shell does.
    if (path.split("/").some((step) => step.startsWith(".") || step.endsWith("."))) continue;
    const expected = picomatch(pattern, { nonegate: true })(path);
    if (expected) matched++;
    expect(globMatcher(pattern)(path), `${pattern} ${path}`).toBe(expected);
  }
  expect(matched).toBeGreaterThan(30);
});
