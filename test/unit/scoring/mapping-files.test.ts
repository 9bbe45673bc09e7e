import { describe, expect, it } from "vitest";
import { parseCategories } from "../../../src/mapping/files/parse-categories.js";
import { parseCsv } from "../../../src/mapping/files/parse-csv.js";
import { parseCsvIds, parseJsonIds } from "../../../src/mapping/files/parse-ids.js";

describe("CSV", () => {
  it("has a header, quotes where they are needed, and any line end", () => {
    expect(parseCsv('\uFEFFvalue,number\r\n"a, ""b""\nc",1\n\nd,2')).toEqual({
      header: ["value", "number"],
      rows: [
        { line: 2, cells: ['a, "b"\nc', "1"] },
        { line: 5, cells: ["d", "2"] },
      ],
    });
  });

  it("has empty texts where they are quoted: an empty line is nothing", () => {
    expect(parseCsv('origin\n""\n\nLIS\n').rows).toEqual([
      { line: 2, cells: [""] },
      { line: 4, cells: ["LIS"] },
    ]);
    expect([...parseCategories('origin\nLIS\n""\nOPO\n', "csv").numbers]).toEqual([
      ["LIS", 0],
      ["", 1],
      ["OPO", 2],
    ]);
  });

  it.each([
    ["", "it is empty"],
    ["a,b\n1", "line 2 has 1 values, and the header 2"],
    ['a\n"x\ny"\n"b', "line 4 has a quote that is out of place"],
    ['a\nb"c', "line 2 has a quote that is out of place"],
  ])("%j is refused: %s", (text, message) => {
    expect(() => parseCsv(text)).toThrow(message);
  });
});

describe("a map", () => {
  const lisbon = [
    ["LIS", 3],
    ["OPO", 5],
  ];

  it.each([
    ["json", '{"LIS": 3, "OPO": 5}', lisbon],
    ["csv", "origin,code\nLIS,3\nOPO,5\n", lisbon],
    [
      "json",
      '["LIS", 7, true]',
      [
        ["LIS", 0],
        ["7", 1],
        ["true", 2],
      ],
    ],
    [
      "csv",
      "origin\nLIS\nOPO\n",
      [
        ["LIS", 0],
        ["OPO", 1],
      ],
    ],
  ] as const)("is %s such as %j", (kind, text, numbers) => {
    expect([...parseCategories(text, kind).numbers]).toEqual(numbers);
  });

  it("knows which of its values are integers", () => {
    const { integers } = parseCategories(
      '{"7": 1, "-2": 2, "007": 3, "1e3": 4, "9007199254740993": 5}',
      "json",
    );
    expect([...integers]).toEqual([
      [7, 1],
      [-2, 2],
    ]);
  });

  it.each([
    ["json", '{"a": "1"}', 'what it gives "a" is not a number'],
    ["json", '["a", "a"]', 'it has "a" twice'],
    ["json", '["a", null]', "its value 1 is neither a text"],
    ["json", "{}", "it holds no values"],
    ["json", '"a"', "it is neither an object"],
    ["csv", "a,b,c\n1,2,3", "it has 3 columns"],
    ["csv", "a,b\nx,", 'line 2: "" is not a number'],
    ["csv", "a,b\nx,NaN", "is not a number"],
  ] as const)("%s %j is refused: %s", (kind, text, message) => {
    expect(() => parseCategories(text, kind)).toThrow(message);
  });
});

describe("ids", () => {
  it("are int64 where all of them are integers, beyond 2^53 too, else text", () => {
    expect(parseCsvIds("id\n1\n-9223372036854775808\n", null)).toEqual({
      kind: "int64",
      values: BigInt64Array.of(1n, -(2n ** 63n)),
    });
    expect(parseCsvIds("name,id\nx,007\ny,8\n", "id")).toEqual({ kind: "utf8", values: ["007", "8"] });
    expect(parseCsvIds("id\n9223372036854775808\n", null).kind).toBe("utf8");
    expect(parseJsonIds('[1, "2"]')).toEqual({ kind: "int64", values: BigInt64Array.of(1n, 2n) });
  });

  it.each([
    [() => parseJsonIds("[9007199254740993]"), "quote it"],
    [() => parseJsonIds("[1, 1]"), 'it has "1" twice'],
    [() => parseJsonIds("[]"), "it holds no values"],
    [() => parseJsonIds("{}"), "it is not an array"],
    [() => parseCsvIds("a,b\n1,2", null), "say which with `column`"],
    [() => parseCsvIds("a,b\n1,2", "c"), 'it has no column "c", but a, b'],
  ])("%s is refused: %s", (parse, message) => {
    expect(parse).toThrow(message);
  });
});
