/** Names of native partitions. */
import { expect, test } from "vitest";
import { partitionName } from "../../src/sinks/postgres/moving/partition-name.js";

/** Names for the values of one publication. */
function namesOf(table: string, values: readonly string[], there: readonly string[] = []): readonly string[] {
  const taken = new Set(there);
  return values.map((value) => {
    const name = partitionName(table, value, (one) => taken.has(one));
    taken.add(name);
    return name;
  });
}

test("a name is the table's and the value's", () => {
  expect(namesOf("scores", ["br", "2026-01-02"])).toEqual(["scores_br", "scores_2026_01_02"]);
});

test.each([
  { name: "in characters that are left out", values: ["a-b", "a b", "a/b", "a_b"] },
  { name: "in nothing but such characters", values: ["\u00e9", "\u00fc", "--"] },
  { name: "far behind", values: [`${"x".repeat(80)}1`, `${"x".repeat(80)}2`] },
])("values that differ $name have different names, of 63 bytes at most", ({ values }) => {
  for (const table of ["scores", "\u00e9".repeat(31), "\u{1f600}".repeat(15)]) {
    const names = namesOf(table, values);
    expect(new Set(names).size).toBe(values.length);
    for (const name of names) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
  }
});

test("a name that another relation has is not taken", () => {
  const [first = ""] = namesOf("scores", ["br"]);
  expect(namesOf("scores", ["br"], [first])).not.toContain(first);
});
