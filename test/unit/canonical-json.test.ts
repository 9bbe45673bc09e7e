import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { canonicalJson } from "../../src/text/canonical-json.js";

/** What earlier versions stored digests of. The texts were written by them. */
const stored: readonly (readonly [object, string])[] = [
  [{ b: 1, a: [true, null, "x"] }, '{"a":[true,null,"x"],"b":1}'],
  [{ "10": 1, "2": 2, é: 3, Z: 4, "": 5, "￿": 6, "😀": 7 }, '{"":5,"10":1,"2":2,"Z":4,"é":3,"😀":7,"￿":6}'],
  [{ gone: undefined, kept: { z: {}, a: [] } }, '{"kept":{"a":[],"z":{}}}'],
  [[0, -0, 1e21, 1e-7, 0.1, Number.NaN], "[0,0,1e+21,1e-7,0.1,null]"],
  [['"\\\n\u0000\u007f\u2028', "\ud800"], '["\\"\\\\\\n\\u0000\u007f\u2028","\\ud800"]'],
  [JSON.parse('{"__proto__":{"b":1,"a":2},"constructor":3}'), '{"__proto__":{"a":2,"b":1},"constructor":3}'],
];

test.each(stored)("the text of %j stays what earlier versions took the digest of", (value, text) => {
  expect(canonicalJson(value)).toBe(text);
});

test("many keys are sorted by code unit, as few are", () => {
  const keys = Array.from({ length: 1000 }, (_, index) => `${(index * 7919) % 1000}`);
  const text = canonicalJson(Object.fromEntries(keys.map((key) => [`k${key}`, Number(key)])));
  const sorted = keys.map((key) => `k${key}`).sort();
  expect(text).toBe(`{${sorted.map((key) => `"${key}":${key.slice(1)}`).join(",")}}`);
  expect(createHash("sha256").update(text).digest("hex")).toBe(
    "724788a08028070fea260541cfa210214f7e1d8a2093261da797779b473e461d",
  );
});

test("a cycle is refused, not written as a word", () => {
  const cyclic: { self?: object } = {};
  cyclic.self = cyclic;
  expect(() => canonicalJson(cyclic)).toThrow();
});
